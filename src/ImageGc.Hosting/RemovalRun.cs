using ImageGc.Sqlite;
using Microsoft.Extensions.Logging;

namespace ImageGc.Hosting;

/// <summary>The removals of one run, and the reason why it ends early.</summary>
internal sealed class RemovalRun(
    IContainerEngine engine, ImageUseStore store, IReadOnlyCollection<EngineImage> images, ImageDisk disk,
    DiskRelief? relief, Metrics metrics, ILogger log)
{
    /// <summary>One removal can hang because of its image. After so many in a row, the engine itself hangs.</summary>
    private const int MostTimeouts = 3;

    private int _timeouts;
    private FreedSpace? _freed;

    /// <summary>Why no other image can be removed; null if the engine works.</summary>
    public Exception? EngineFailure { get; private set; }

    /// <summary>Lists the IDs of all images that containers use.</summary>
    public static async Task<IReadOnlySet<string>> ListInUseAsync(
        IContainerEngine engine, CancellationToken cancellationToken)
    {
        var containers = await engine.ListContainersAsync(cancellationToken).ConfigureAwait(false);
        return containers.SelectMany(container => container.ImageIds).ToHashSet(StringComparer.Ordinal);
    }

    public async Task RemoveAsync(ImageUse image, CancellationToken cancellationToken)
    {
        _freed = null;
        var known = images.FirstOrDefault(one => one.ImageId == image.ImageId);
        DiskUsage? before;
        try
        {
            if (await IsInUseAsync(image, cancellationToken).ConfigureAwait(false))
            {
                // The store forgets an image that this method returns for, unless it was used meanwhile.
                Attempt.IfThereIsRoom(() => store.RecordUse(image.ImageId));
                return;
            }

            before = await disk.TryMeasureAsync(cancellationToken).ConfigureAwait(false);
            await engine.RemoveImageAsync(image.ImageId, cancellationToken).ConfigureAwait(false);
            _timeouts = 0;
            metrics.Removed();
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            metrics.Failed();
            _timeouts = exception is TimeoutException ? _timeouts + 1 : 0;
            if (exception is EngineUnavailableException || _timeouts == MostTimeouts)
                EngineFailure = exception;
            throw;
        }

        if (relief is not null && before is not null)
            await relief.WaitForSpaceAsync(before, known?.UniqueBytes ?? known?.SizeBytes, cancellationToken)
                .ConfigureAwait(false);
        var after = await disk.TryMeasureAsync(cancellationToken).ConfigureAwait(false);
        // The number of the engine is exact. The free space also changes by what other programs write meanwhile.
        _freed = known?.UniqueBytes is { } unique ? new FreedSpace(unique, FreedBy.Engine)
            : before is null || after is null ? null
            : new FreedSpace(Math.Max(0, after.AvailableBytes - before.AvailableBytes), FreedBy.Disk);
        metrics.Freed(_freed?.Bytes ?? 0);
        log.Removed(image, known?.Names ?? image.Names, _freed);
    }

    /// <summary>Returns what the last removal freed; null if that is unknown or nothing was removed.</summary>
    public FreedSpace? FreedSpaceOf(ImageUse image) => _freed;

    /// <summary>
    /// Lists the containers again before each removal, since the last one may have taken minutes. The engine's own
    /// check is not enough: Docker and Podman remove an image by ID although it is mounted into a container.
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
            EngineFailure = exception; // Without the list, any image may be in use.
            throw;
        }
    }

    public async Task<bool> IsEnoughAsync(CancellationToken cancellationToken) => EngineFailure is not null
        || (relief is not null && await relief.IsEnoughAsync(cancellationToken).ConfigureAwait(false));
}
