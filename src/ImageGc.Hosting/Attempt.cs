using ImageGc.Sqlite;

namespace ImageGc.Hosting;

/// <summary>Runs work whose failure must not end the host.</summary>
internal static class Attempt
{
    /// <summary>Whether only this call to the engine failed, so that the next one can succeed.</summary>
    public static bool ConcernsOneCall(Exception exception) => exception is not (EngineUnavailableException
        or TimeoutException or OperationCanceledException or ImageUseStoreException or ObjectDisposedException);

    /// <summary>Writes what can wait. A full disk must not stop the removals that make room on it.</summary>
    public static void IfThereIsRoom(Action write)
    {
        try
        {
            write();
        }
        catch (ImageUseStoreException full) when (full.Reason == StoreErrorReason.Full)
        {
            // The next run writes it.
        }
    }

    /// <summary>Returns the exception of the work instead of throwing it; null if there was none.</summary>
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
            throw; // Any other cancellation is a time-out of the engine's client, and a failure like others.
        }
#pragma warning disable CA1031 // The caller logs any exception and tries again later.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            return exception;
        }
    }
}
