using ImageGc.Sqlite;

namespace ImageGc.Hosting;

/// <summary>Cleans up when the host asks, beside the schedule and by the same rules.</summary>
/// <remarks>Thread-safe: calls and scheduled runs take turns.</remarks>
public interface IImageGarbageCollector
{
    /// <summary>
    /// Records the images of containers if <see cref="ImageGarbageCollectionOptions.WatchContainers"/> is set, removes
    /// the images that expired, and makes room if the disk is too full.
    /// </summary>
    /// <returns>What was removed, and what could not be; nothing if images are never removed.</returns>
    /// <exception cref="EngineUnavailableException">The engine cannot be reached; what was done is kept.</exception>
    /// <exception cref="TimeoutException">It did not answer; what was done is kept.</exception>
    /// <exception cref="EngineChangedException">It is another one; nothing was removed or forgotten.</exception>
    /// <exception cref="ImageUseStoreException">
    /// The database cannot be used, or another program removes images by it; what was done before is kept.
    /// </exception>
    /// <exception cref="DiskStillFullException">The disk is too full still; what was done is kept.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; what was done before is kept.</exception>
    Task<PruneResult> RunAsync(CancellationToken cancellationToken = default);

    /// <summary>As above, and says of each image what became of it, also where the run breaks off.</summary>
    /// <param name="progress">As <see cref="PruneOptions.Progress"/>.</param>
    /// <param name="cancellationToken">Stops between images.</param>
    Task<PruneResult> RunAsync(IProgress<PruneOutcome>? progress, CancellationToken cancellationToken);

    /// <summary>
    /// The verdict on every tracked image, if <see cref="RunAsync(CancellationToken)"/> were called now; changes
    /// nothing. While the disk is too full all have expired that may go for room, though not all may be needed.
    /// </summary>
    /// <exception cref="EngineUnavailableException">The engine cannot be reached.</exception>
    /// <exception cref="EngineChangedException">It is another one, so that nothing would be removed.</exception>
    /// <exception cref="ImageUseStoreException">The database cannot be read.</exception>
    Task<IReadOnlyList<PruneVerdict>> PreviewAsync(CancellationToken cancellationToken = default);

    /// <summary>
    /// Says that the engine as it is now is the one to clean up, after it or its store of images was replaced on
    /// purpose: then all tracked images count as used now. Those that it does not have are forgotten once two cleanups,
    /// at least 12 hours apart, have missed them.
    /// </summary>
    /// <returns>The engine as it identifies itself.</returns>
    /// <exception cref="EngineUnavailableException">The engine cannot be reached.</exception>
    /// <exception cref="ImageUseStoreException">That could not be stored.</exception>
    Task<string> AcceptEngineAsync(CancellationToken cancellationToken = default);

    /// <summary>The untracked images of the engine, which are never removed, and why they are not tracked.</summary>
    /// <exception cref="EngineUnavailableException">The engine cannot be reached.</exception>
    /// <exception cref="TimeoutException">It did not answer.</exception>
    /// <exception cref="ImageUseStoreException">The database cannot be read.</exception>
    Task<IReadOnlyList<UntrackedImage>> ListUntrackedAsync(CancellationToken cancellationToken);
}
