using ImageGc.Sqlite;

namespace ImageGc.Hosting;

/// <summary>
/// Asks the host that cleans up by a database, in whatever program, to do so at once and by its own settings: as
/// `imagegc run --once` does beside a daemon.
/// </summary>
public static class CleanupRequest
{
    private const string Note = "cleanup_request";
    private const string Pending = "pending";
    private const string Done = "done";

    private static readonly TimeSpan PollInterval = TimeSpan.FromSeconds(1);

    /// <summary>Asks for a cleanup and waits until it has ended. The host begins within seconds.</summary>
    /// <param name="store">Not read-only.</param>
    /// <param name="time">The clock to wait by.</param>
    /// <param name="cancellationToken">Ends the waiting, not the cleanup.</param>
    /// <returns>Why the cleanup failed; null if it did not. What it removed, the history of the store shows.</returns>
    /// <exception cref="ImageUseStoreException">The database cannot be used.</exception>
    public static async Task<string?> SendAsync(
        ImageUseStore store, TimeProvider time, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(store);
        Write(store, Pending);
        while (store.FindNote(Note) == Pending)
        {
            if (!store.ArePrunesLocked())
                return "No program cleans up by this database now.";
            await Task.Delay(PollInterval, time, cancellationToken).ConfigureAwait(false);
        }

        return store.FindNote(Note) is var answer && answer == Done ? null : answer;
    }

    internal static bool IsPending(ImageUseStore store) => store.FindNote(Note) == Pending;

    /// <summary>Answers whoever waits for a cleanup, if anybody does.</summary>
    internal static void Answer(ImageUseStore store, string? failure)
    {
        if (IsPending(store))
            Write(store, failure ?? Done);
    }

    private static void Write(ImageUseStore store, string note) =>
        store.RecordUse([], new Dictionary<string, string> { [Note] = note });
}
