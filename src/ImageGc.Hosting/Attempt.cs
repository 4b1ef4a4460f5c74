using ImageGc.Sqlite;

namespace ImageGc.Hosting;

/// <summary>Work that may fail without ending the host.</summary>
internal static class Attempt
{
    /// <summary>Whether the engine refused one call, and the next one may well succeed.</summary>
    public static bool ConcernsOneCall(Exception exception) => exception is not (EngineUnavailableException
        or TimeoutException or OperationCanceledException or ImageUseStoreException or ObjectDisposedException);

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
