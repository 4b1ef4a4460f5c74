using ImageGc.Sqlite;
using Microsoft.Extensions.Logging;

namespace ImageGc.Hosting;

/// <summary>The removals of one run, and the reason why it stops early.</summary>
internal sealed class RemovalRun(
    IContainerEngine engine, IReadOnlyCollection<EngineImage> images, Metrics metrics, ILogger log,
    Func<CancellationToken, Task<bool>>? enough)
{
    /// <summary>Why the engine could not be asked any further; null if it could.</summary>
    public Exception? EngineGone { get; private set; }

    public async Task RemoveAsync(ImageUse image, CancellationToken cancellationToken)
    {
        try
        {
            await engine.RemoveImageAsync(image.ImageId, cancellationToken).ConfigureAwait(false);
            metrics.Removed();
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            metrics.Failed();
            if (exception is TimeoutException or EngineUnavailableException)
                EngineGone = exception;
            throw;
        }

        log.Removed(image.ImageId, image.LastUsedAt, NamesOf(image));
    }

    /// <remarks>A disk that cannot be measured is met again at the next look: for now it is enough.</remarks>
    public async Task<bool> IsEnoughAsync(CancellationToken cancellationToken)
    {
        if (EngineGone is not null)
            return true;
        if (enough is null)
            return false;
        try
        {
            return await enough(cancellationToken).ConfigureAwait(false);
        }
#pragma warning disable CA1031 // Whatever it is, the next look at the disk meets it again.
        catch (Exception) when (!cancellationToken.IsCancellationRequested)
#pragma warning restore CA1031
        {
            return true;
        }
    }

    /// <summary>Nobody can look them up any more.</summary>
    private string NamesOf(ImageUse image) =>
        images.FirstOrDefault(existing => existing.ImageId == image.ImageId) is { Names.Count: > 0 } existing
            ? string.Join(", ", existing.Names)
            : "none";
}
