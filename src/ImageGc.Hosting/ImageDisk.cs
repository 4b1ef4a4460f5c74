using Microsoft.Extensions.Options;

namespace ImageGc.Hosting;

/// <summary>The disk that holds the engine's images.</summary>
internal sealed class ImageDisk(IContainerEngine engine, IOptions<ImageGarbageCollectionOptions> options)
{
    public async Task<DiskUsage> MeasureAsync(CancellationToken cancellationToken)
    {
        if (options.Value.ImageDirectory is not { } directory)
            return await engine.MeasureDiskAsync(cancellationToken).ConfigureAwait(false)
                ?? throw new NotSupportedException(
                    "The engine cannot say how full its disk is. Set "
                    + $"{nameof(ImageGarbageCollectionOptions.ImageDirectory)} to a directory on the disk that holds "
                    + $"the images, or leave {nameof(ImageGarbageCollectionOptions.HighThreshold)} out.");
        return Directory.Exists(directory)
            ? DiskUsage.OfDirectory(directory)
            : throw new EngineRequestFailedException(
                $"The disk of the images cannot be measured: the directory '{directory}' does not exist. Correct "
                + $"{nameof(ImageGarbageCollectionOptions.ImageDirectory)}.");
    }

    /// <summary>
    /// How full it is; null where that cannot be said or is cancelled. It never throws: after a removal, that it
    /// happened must be written down.
    /// </summary>
    public async Task<DiskUsage?> TryMeasureAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await MeasureAsync(cancellationToken).ConfigureAwait(false);
        }
#pragma warning disable CA1031 // Whatever it is, only a number is missing.
        catch (Exception)
#pragma warning restore CA1031
        {
            return null;
        }
    }
}
