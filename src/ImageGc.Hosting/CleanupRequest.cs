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
    /// <summary>The note that holds the ID of the last request.</summary>
    private const string RequestNote = "cleanup_request_id";

    /// <summary>The note that holds the last answer: `ID`, or `ID FAILURE`.</summary>
    /// <remarks>Only the host writes it. In one note, an answer could overwrite a later request.</remarks>
    private const string AnswerNote = "cleanup_answer";

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
        Write(store, RequestNote, $"{Guid.NewGuid():N}");
        while (true)
        {
            // A later request of another program replaces this one. Its answer holds for both.
            if (FindPending(store) is null)
                return new CleanupResult(FindAnswer(store).ElementAtOrDefault(1));
            if (!store.ArePrunesLocked())
                return null;
            await Task.Delay(PollInterval, time ?? TimeProvider.System, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Returns the ID of the request that is not answered yet; null if there is none.</summary>
    internal static string? FindPending(ImageUseStore store) =>
        store.FindNote(RequestNote) is { } id && FindAnswer(store).FirstOrDefault() != id ? id : null;

    internal static void Answer(ImageUseStore store, string id, string? failure) =>
        Write(store, AnswerNote, failure is null ? id : $"{id} {failure}");

    private static string[] FindAnswer(ImageUseStore store) => store.FindNote(AnswerNote)?.Split(' ', 2) ?? [];

    private static void Write(ImageUseStore store, string note, string text) =>
        store.RecordUse([], new Dictionary<string, string> { [note] = text });
}
