using ImageGc.Sqlite;
using Microsoft.Extensions.Logging;

namespace ImageGc.Hosting;

/// <summary>The removals of one run, and the reason why it stops early.</summary>
internal sealed class RemovalRun(
    IContainerEngine engine, ImageUseStore store, IReadOnlyCollection<EngineImage> images, ImageDisk disk,
    DiskRelief? relief, Metrics metrics, ILogger log)
{
    /// <summary>One image may hang the engine; so many in a row, and it is the engine that hangs.</summary>
    private const int MostTimeouts = 3;

    private int _timeouts;
    private Freed? _freed;

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
        _freed = null;
        var known = images.FirstOrDefault(one => one.ImageId == image.ImageId);
        DiskUsage? before;
        try
        {
            if (await IsInUseAsync(image, cancellationToken).ConfigureAwait(false))
            {
                Attempt.IfThereIsRoom(() => store.RecordUse(image.ImageId)); // Keeps it tracked, as used meanwhile.
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
                EngineGone = exception;
            throw;
        }

        if (relief is not null && before is not null)
            await relief.WaitForSpaceAsync(before, known?.UniqueBytes ?? known?.SizeBytes, cancellationToken)
                .ConfigureAwait(false);
        var after = await disk.TryMeasureAsync(cancellationToken).ConfigureAwait(false);
        _freed = known?.UniqueBytes is { } unique ? new Freed(unique, Sqlite.FreedBy.Engine)
            : before is null || after is null ? null
            : new Freed(Math.Max(0, after.AvailableBytes - before.AvailableBytes), Sqlite.FreedBy.Disk);
        metrics.Freed(_freed?.Bytes ?? 0);
        log.Removed(image, known?.Names ?? image.Names, _freed);
    }

    /// <summary>What the last removal freed; null if unknown, or if nothing was removed.</summary>
    public Freed? FreedBy(ImageUse image) => _freed;

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

    public async Task<bool> IsEnoughAsync(CancellationToken cancellationToken) => EngineGone is not null
        || (relief is not null && await relief.IsEnoughAsync(cancellationToken).ConfigureAwait(false));
}
