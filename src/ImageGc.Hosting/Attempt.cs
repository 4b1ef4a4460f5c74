using ImageGc.Sqlite;

namespace ImageGc.Hosting;

/// <summary>Work that may fail without ending the host.</summary>
internal static class Attempt
{
    /// <summary>Whether the engine refused one call, and the next one may well succeed.</summary>
    public static bool ConcernsOneCall(Exception exception) => exception is not (EngineUnavailableException
        or TimeoutException or OperationCanceledException or ImageUseStoreException or ObjectDisposedException);

    /// <summary>Writes what can wait: a full disk must not keep anyone from making room on it.</summary>
    public static void IfThereIsRoom(Action write)
    {
        try
        {
            write();
        }
        catch (ImageUseStoreException full) when (full.Reason == StoreErrorReason.Full)
        {
            // It is written the next time.
        }
    }

    /// <returns>Why it failed, or null.</returns>
    /// <exception cref="OperationCanceledException">The host stops.</exception>
    public static async Task<Exception?> FailureOfAsync(
        Func<CancellationToken, Task> work, CancellationToken stoppingToken)
    {
        try
        {
            await work(stoppingToken).ConfigureAwait(false);
            return null;
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            throw;
        }
#pragma warning disable CA1031 // Whatever it is, the caller logs it and tries again later.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            return exception;
        }
    }
}
