using ImageGc.Sqlite;
using Microsoft.Extensions.Logging;

namespace ImageGc.Docker;

/// <summary>The removals of one run, and the reason why it stops early.</summary>
internal sealed class RemovalRun(
    IContainerEngine engine, IReadOnlyCollection<EngineImage> images, Metrics metrics, ILogger log,
    Func<CancellationToken, Task<bool>>? enough, CancellationToken cancellationToken) : IDisposable
{
    private readonly CancellationTokenSource _stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);

    /// <summary>Stops the run between two images.</summary>
    public CancellationToken Stop => _stop.Token;

    public bool WasEnough { get; private set; }

    /// <summary>Why the engine could not be asked any further; null if it could.</summary>
    public Exception? EngineGone { get; private set; }

    public async Task RemoveAsync(ImageUse image, CancellationToken _)
    {
        try
        {
            await engine.RemoveImageAsync(image.ImageId, cancellationToken).ConfigureAwait(false);
            metrics.Removed();
        }
        catch (Exception exception) when (exception is TimeoutException or EngineUnavailableException)
        {
            EngineGone = exception;
            metrics.Failed();
            await _stop.CancelAsync().ConfigureAwait(false);
            throw;
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            metrics.Failed();
            throw;
        }

        log.Removed(image.ImageId, image.LastUsedAt, NamesOf(image));
        if (enough is not null && await IsEnoughAsync().ConfigureAwait(false))
        {
            WasEnough = true;
            await _stop.CancelAsync().ConfigureAwait(false);
        }
    }

    public void Dispose() => _stop.Dispose();

    /// <summary>Nobody can look them up any more.</summary>
    private string NamesOf(ImageUse image) =>
        images.FirstOrDefault(existing => existing.ImageId == image.ImageId) is { Names.Count: > 0 } existing
            ? string.Join(", ", existing.Names)
            : "none";

    /// <summary>The image is gone by now, so a failure here must not keep its row: it ends the run instead.</summary>
    private async Task<bool> IsEnoughAsync()
    {
        try
        {
            return await enough!(cancellationToken).ConfigureAwait(false);
        }
#pragma warning disable CA1031 // Whatever it is, the next look at the disk meets it again.
        catch (Exception)
#pragma warning restore CA1031
        {
            return true;
        }
    }
}
