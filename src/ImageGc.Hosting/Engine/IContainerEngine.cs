namespace ImageGc.Hosting;

/// <summary>
/// A container engine whose images are collected. Docker is built in; for another one register an implementation
/// before or after <see cref="ServiceCollectionExtensions.AddImageGarbageCollection"/>.
/// </summary>
/// <remarks>
/// Every method throws when it cannot answer in full, within a time that the implementation bounds: after an incomplete
/// answer images that are in use would be removed. A <see cref="TimeoutException"/> ends a run at once, since every
/// further call would wait as long.
/// </remarks>
public interface IContainerEngine
{
    /// <summary>The image ID of every container, in whatever state: running, paused, stopped, created.</summary>
    Task<IReadOnlyCollection<string>> ListImagesInUseAsync(CancellationToken cancellationToken);

    /// <summary>Every image with all its names.</summary>
    Task<IReadOnlyCollection<EngineImage>> ListImagesAsync(CancellationToken cancellationToken);

    /// <summary>
    /// Removes an image, unforced. Returns once it is gone, also if it was gone before; throws while it is still there.
    /// </summary>
    Task RemoveImageAsync(string imageId, CancellationToken cancellationToken);

    /// <summary>
    /// The disk that holds the images. Only for <see cref="ImageGarbageCollectionOptions.HighThresholdPercent"/>.
    /// </summary>
    Task<DiskSpace> MeasureDiskAsync(CancellationToken cancellationToken) =>
        Task.FromException<DiskSpace>(new NotSupportedException(
            $"{GetType().Name} cannot tell how full the disk is: "
            + $"unset {nameof(ImageGarbageCollectionOptions.HighThresholdPercent)}."));
}

/// <summary>An image in the engine.</summary>
/// <param name="ImageId">The ID that is recorded and removed.</param>
/// <param name="Names">Its tags and digests, such as `registry/agent:1.5` and `registry/agent@sha256:…`.</param>
public sealed record EngineImage(string ImageId, IReadOnlyList<string> Names);

/// <summary>How full a disk is.</summary>
/// <param name="TotalBytes">Its size.</param>
/// <param name="AvailableBytes">What may still be written to it.</param>
public readonly record struct DiskSpace(long TotalBytes, long AvailableBytes)
{
    internal double UsedPercent => TotalBytes == 0 ? 0 : 100.0 * (TotalBytes - AvailableBytes) / TotalBytes;
}
