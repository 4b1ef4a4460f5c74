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
                    "The engine cannot measure its disk. Set "
                    + $"{nameof(ImageGarbageCollectionOptions.ImageDirectory)} to a directory on the disk that holds "
                    + $"the images, or leave {nameof(ImageGarbageCollectionOptions.HighThreshold)} out.");
        return Directory.Exists(directory)
            ? DiskUsage.OfDirectory(directory)
            : throw new EngineRequestFailedException(
                $"The disk of the images cannot be measured: the directory '{directory}' does not exist. Correct "
                + $"{nameof(ImageGarbageCollectionOptions.ImageDirectory)}.");
    }

    /// <summary>
    /// Measures the disk; returns null if that fails or is cancelled. Never throws: a removal that has just succeeded
    /// must still be recorded.
    /// </summary>
    public async Task<DiskUsage?> TryMeasureAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await MeasureAsync(cancellationToken).ConfigureAwait(false);
        }
#pragma warning disable CA1031 // Only a number is missing.
        catch (Exception)
#pragma warning restore CA1031
        {
            return null;
        }
    }
}
