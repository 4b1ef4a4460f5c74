using ImageGc.Cli.Execution;
using ImageGc.Cli.Input;
using ImageGc.Hosting;
using ImageGc.Sqlite;

namespace ImageGc.Cli.Hosting;

/// <summary>What a database says about the host that uses it, and whether that host is running.</summary>
/// <param name="Host">The host that last wrote its status.</param>
/// <param name="IsLocked">Whether a process holds the lock for removing images.</param>
internal readonly record struct DaemonState(HostStatus? Host, bool IsLocked)
{
    /// <summary>Short: the command opens the database again, and waits for the lock then.</summary>
    private static readonly TimeSpan BusyTimeout = TimeSpan.FromSeconds(1);

    /// <remarks>A host that removes nothing holds no lock: it counts as alive until it says that it stopped.</remarks>
    public bool IsAlive => HasNotStopped && (IsLocked || RemovesNothing);

    /// <summary>Whether the host is running and removes images.</summary>
    public bool CleansUp => HasNotStopped && IsLocked && !RemovesNothing;

    private bool HasNotStopped => Host is { StoppedAt: null, IsOnce: false };

    private bool RemovesNothing =>
        Host?.Settings.GetValueOrDefault(nameof(ImageGarbageCollectionOptions.Enabled)) == "false";

    public static DaemonState Read(ImageUseStore store) => new(HostStatus.ReadFrom(store), store.ArePrunesLocked());

    /// <summary>Opens the database. Empty if that fails: the command then reports the failure itself.</summary>
    public static DaemonState Read(CommandContext context)
    {
        if (!FilePath.Exists(context.DatabasePath))
            return default;
        try
        {
            using var store = context.OpenReadOnly(BusyTimeout);
            return Read(store);
        }
        catch (ImageUseStoreException)
        {
            return default;
        }
    }
}
