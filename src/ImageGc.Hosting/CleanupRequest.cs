using ImageGc.Sqlite;

namespace ImageGc.Hosting;

/// <summary>How a host answered a <see cref="CleanupRequest"/>.</summary>
/// <param name="Failure">Why the cleanup failed; null if it did not.</param>
public sealed record CleanupAnswer(string? Failure);

/// <summary>
/// Asks the host that cleans up by a database, in whatever program, to do so at once and by its own settings: as
/// `imagegc run --once` does beside a daemon.
/// </summary>
public static class CleanupRequest
{
    /// <summary>`pending ID`, `done ID` or `failed ID MESSAGE`.</summary>
    private const string Note = "cleanup_request";

    private const string Pending = "pending";
    private const string Done = "done";
    private const string Failed = "failed";

    private static readonly TimeSpan PollInterval = TimeSpan.FromSeconds(1);

    /// <summary>
    /// Asks for a cleanup, which begins within seconds or after the one that is going on, and waits until it has ended.
    /// What it removed is in the history of the store.
    /// </summary>
    /// <param name="store">Not read-only. Several threads and programs may ask at the same time.</param>
    /// <param name="time">The clock to wait by; the system's if null.</param>
    /// <param name="cancellationToken">Ends the waiting, not the cleanup.</param>
    /// <returns>The answer; null if no host gave one, since none runs or it has ended.</returns>
    /// <exception cref="ArgumentNullException">The store is null.</exception>
    /// <exception cref="ImageUseStoreException">The database cannot be used.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static async Task<CleanupAnswer?> SendAsync(
        ImageUseStore store, TimeProvider? time = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(store);
        Write(store, $"{Pending} {Guid.NewGuid():N}");
        while (true)
        {
            // Where another program asked after this one, the answer to that holds for both.
            var words = Read(store);
            if (words is [Done, ..])
                return new CleanupAnswer(Failure: null);
            if (words is [Failed, _, var failure])
                return new CleanupAnswer(failure);
            if (words is not [Pending, _] || !store.ArePrunesLocked())
                return null;
            await Task.Delay(PollInterval, time ?? TimeProvider.System, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>The ID of the unanswered request, or null.</summary>
    internal static string? FindPending(ImageUseStore store) => Read(store) is [Pending, var id] ? id : null;

    internal static void Answer(ImageUseStore store, string id, string? failure)
    {
        if (FindPending(store) == id)
            Write(store, failure is null ? $"{Done} {id}" : $"{Failed} {id} {failure}");
    }

    private static string[] Read(ImageUseStore store) => store.FindNote(Note)?.Split(' ', 3) ?? [];

    private static void Write(ImageUseStore store, string note) =>
        store.RecordUse([], new Dictionary<string, string> { [Note] = note });
}
