using ImageGc.Sqlite;

namespace ImageGc.Hosting;

/// <summary>The result of a cleanup that a <see cref="CleanupRequest"/> asked for.</summary>
/// <param name="Failure">Why the cleanup failed; null if it succeeded.</param>
public sealed record CleanupResult(string? Failure);

/// <summary>
/// Asks the host that uses a database, in this or another program, to clean up now with its own settings. This is how
/// `imagegc run --once` works beside a daemon.
/// </summary>
public static class CleanupRequest
{
    /// <summary>The note that holds the request: `pending ID`, `done ID` or `failed ID MESSAGE`.</summary>
    private const string Note = "cleanup_request";

    private const string Pending = "pending";
    private const string Done = "done";
    private const string Failed = "failed";

    private static readonly TimeSpan PollInterval = TimeSpan.FromSeconds(1);

    /// <summary>
    /// Requests a cleanup and waits until it has ended. It begins within seconds, or after the one that is running. The
    /// history of the store shows what it removed.
    /// </summary>
    /// <param name="store">A store that is not read-only. Several threads and programs can ask at once.</param>
    /// <param name="time">The clock for waiting; the system's if null.</param>
    /// <param name="cancellationToken">Ends the wait, not the cleanup.</param>
    /// <returns>The result; null if no host runs or the host ended.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="store"/> is null.</exception>
    /// <exception cref="ImageUseStoreException">The database cannot be used.</exception>
    /// <exception cref="OperationCanceledException">The wait was cancelled.</exception>
    public static async Task<CleanupResult?> SendAsync(
        ImageUseStore store, TimeProvider? time = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(store);
        Write(store, $"{Pending} {Guid.NewGuid():N}");
        while (true)
        {
            // A later request of another program replaces this one. Its answer holds for both.
            var words = Read(store);
            if (words is [Done, ..])
                return new CleanupResult(Failure: null);
            if (words is [Failed, _, var failure])
                return new CleanupResult(failure);
            if (words is not [Pending, _] || !store.ArePrunesLocked())
                return null;
            await Task.Delay(PollInterval, time ?? TimeProvider.System, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Returns the ID of the request that is not answered yet; null if there is none.</summary>
    internal static string? FindPending(ImageUseStore store) => Read(store) is [Pending, var id] ? id : null;

    /// <summary>Answers the request, unless a later one has replaced it.</summary>
    internal static void Answer(ImageUseStore store, string id, string? failure)
    {
        if (FindPending(store) == id)
            Write(store, failure is null ? $"{Done} {id}" : $"{Failed} {id} {failure}");
    }

    private static string[] Read(ImageUseStore store) => store.FindNote(Note)?.Split(' ', 3) ?? [];

    private static void Write(ImageUseStore store, string note) =>
        store.RecordUse([], new Dictionary<string, string> { [Note] = note });
}
