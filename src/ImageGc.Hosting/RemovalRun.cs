using ImageGc.Sqlite;
using Microsoft.Extensions.Logging;

namespace ImageGc.Hosting;

/// <summary>The removals of one run, and the reason why it stops early.</summary>
internal sealed class RemovalRun(
    IContainerEngine engine, ImageUseStore store, IReadOnlyCollection<EngineImage> images, Metrics metrics, ILogger log,
    Func<CancellationToken, Task<bool>>? enough)
{
    /// <summary>One image may hang the engine; so many in a row, and it is the engine that hangs.</summary>
    private const int MostTimeouts = 3;

    private int _timeouts;

    /// <summary>Why the engine could not be asked any further; null if it could.</summary>
    public Exception? EngineGone { get; private set; }

    /// <summary>The IDs of all images that a container uses.</summary>
    public static async Task<IReadOnlySet<string>> ListInUseAsync(
        IContainerEngine engine, CancellationToken cancellationToken)
    {
        var containers = await engine.ListContainersAsync(cancellationToken).ConfigureAwait(false);
        return containers.SelectMany(container => container.ImageIds).ToHashSet(StringComparer.Ordinal);
    }

    public async Task RemoveAsync(ImageUse image, CancellationToken cancellationToken)
    {
        try
        {
            if (await IsInUseAsync(image, cancellationToken).ConfigureAwait(false))
            {
                store.RecordUse(image.ImageId); // Which keeps it tracked, as used meanwhile.
                return;
            }

            await engine.RemoveImageAsync(image.ImageId, cancellationToken).ConfigureAwait(false);
            _timeouts = 0;
            metrics.Removed();
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            metrics.Failed();
            _timeouts = exception is TimeoutException ? _timeouts + 1 : 0;
            if (exception is EngineUnavailableException || _timeouts == MostTimeouts)
                EngineGone = exception;
            throw;
        }

        log.Removed(image.ImageId, image.LastUsedAt, NamesOf(image));
    }

    /// <summary>
    /// Asked before each removal, since the last one may have taken minutes, and no engine looks at what is mounted.
    /// </summary>
    private async Task<bool> IsInUseAsync(ImageUse image, CancellationToken cancellationToken)
    {
        try
        {
            var inUse = await ListInUseAsync(engine, cancellationToken).ConfigureAwait(false);
            return inUse.Contains(image.ImageId);
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            EngineGone = exception; // Nothing is known of what is in use.
            throw;
        }
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
