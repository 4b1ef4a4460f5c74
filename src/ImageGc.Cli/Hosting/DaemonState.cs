using ImageGc.Cli.Execution;
using ImageGc.Cli.Input;
using ImageGc.Hosting;
using ImageGc.Sqlite;

namespace ImageGc.Cli.Hosting;

/// <summary>What a database says about the host that uses it, and whether that one runs.</summary>
/// <param name="Host">The host that noted its status last.</param>
/// <param name="IsLocked">Whether a program keeps all others from removing images.</param>
internal readonly record struct DaemonState(HostStatus? Host, bool IsLocked)
{
    /// <summary>The command that uses the database waits as long as it may, and says who holds the lock.</summary>
    private static readonly TimeSpan BusyTimeout = TimeSpan.FromSeconds(1);

    /// <remarks>A host that removes nothing holds no lock: it counts as alive until it says that it stopped.</remarks>
    public bool IsAlive => HasNotStopped && (IsLocked || RemovesNothing);

    /// <summary>Whether it runs and removes images.</summary>
    public bool CleansUp => HasNotStopped && IsLocked && !RemovesNothing;

    private bool HasNotStopped => Host is { StoppedAt: null, IsOnce: false };

    private bool RemovesNothing =>
        Host?.Settings.GetValueOrDefault(nameof(ImageGarbageCollectionOptions.Enabled)) == "false";

    public static DaemonState Read(ImageUseStore store) => new(HostStatus.ReadFrom(store), store.ArePrunesLocked());

    /// <summary>As above; empty if the database cannot be read, which the command that uses it reports.</summary>
    public static DaemonState Read(CommandContext context, string? database)
    {
        if (database is null || !FilePath.Exists(database))
            return default;
        try
        {
            using var store = context.OpenReadOnly(database, BusyTimeout);
            return Read(store);
        }
        catch (ImageUseStoreException)
        {
            return default;
        }
    }
}
