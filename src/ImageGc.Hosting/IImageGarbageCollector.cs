using ImageGc.Sqlite;

namespace ImageGc.Hosting;

/// <summary>Cleans up when your program asks, in addition to the schedule and by the same rules.</summary>
/// <remarks>Thread-safe: calls and scheduled runs wait for each other.</remarks>
public interface IImageGarbageCollector
{
    /// <summary>
    /// Records the images of containers if <see cref="ImageGarbageCollectionOptions.WatchContainers"/> is set, removes
    /// the images that expired, and removes others early if the disk is too full.
    /// </summary>
    /// <returns>
    /// What was removed and what could not be removed; empty if <see cref="ImageGarbageCollectionOptions.Enabled"/> is
    /// false.
    /// </returns>
    /// <remarks>What was done before an exception is kept.</remarks>
    /// <exception cref="EngineUnavailableException">The engine cannot be reached.</exception>
    /// <exception cref="EngineRequestFailedException">The engine refused a request.</exception>
    /// <exception cref="TimeoutException">The engine did not answer.</exception>
    /// <exception cref="EngineChangedException">The engine was replaced. Nothing was removed or forgotten.</exception>
    /// <exception cref="ImageUseStoreException">
    /// The database cannot be used, or another process is removing images with it.
    /// </exception>
    /// <exception cref="NotSupportedException">
    /// The engine cannot measure its disk, or no disk of this size reaches the threshold that is set.
    /// </exception>
    /// <exception cref="DiskStillFullException">The disk is still too full.</exception>
    /// <exception cref="OperationCanceledException">The run was cancelled.</exception>
    Task<PruneResult> RunAsync(CancellationToken cancellationToken = default);

    /// <summary>
    /// Cleans up as <see cref="RunAsync(CancellationToken)"/> does, and reports the outcome of each image, also if the
    /// run then fails.
    /// </summary>
    /// <param name="progress">Receives each outcome, as <see cref="PruneOptions.Progress"/> does.</param>
    /// <param name="cancellationToken">Ends the run.</param>
    Task<PruneResult> RunAsync(IProgress<PruneOutcome>? progress, CancellationToken cancellationToken);

    /// <summary>
    /// Returns the verdict that <see cref="RunAsync(CancellationToken)"/> would reach now on every tracked image, and
    /// changes nothing. While the disk is too full, every image that can be removed early counts as expired.
    /// </summary>
    /// <exception cref="EngineUnavailableException">The engine cannot be reached.</exception>
    /// <exception cref="EngineRequestFailedException">The engine refused a request.</exception>
    /// <exception cref="TimeoutException">The engine did not answer.</exception>
    /// <exception cref="EngineChangedException">The engine was replaced, so nothing would be removed.</exception>
    /// <exception cref="ImageUseStoreException">The database cannot be read.</exception>
    Task<IReadOnlyList<PruneVerdict>> PreviewAsync(CancellationToken cancellationToken = default);

    /// <summary>
    /// Accepts the engine as it is now. Call it after you replaced the engine or its image store on purpose. All
    /// tracked images then count as used now; cleanups forget those that the engine does not have, as
    /// <see cref="ImageUseStore.ForgetMissing"/> describes.
    /// </summary>
    /// <returns>The identity of the engine, from <see cref="IContainerEngine.IdentifyAsync"/>.</returns>
    /// <exception cref="EngineUnavailableException">The engine cannot be reached.</exception>
    /// <exception cref="ImageUseStoreException">The change could not be stored.</exception>
    Task<string> AcceptEngineAsync(CancellationToken cancellationToken = default);

    /// <summary>Lists the untracked images of the engine, which are never removed, and the reasons.</summary>
    /// <exception cref="EngineUnavailableException">The engine cannot be reached.</exception>
    /// <exception cref="TimeoutException">The engine did not answer.</exception>
    /// <exception cref="ImageUseStoreException">The database cannot be read.</exception>
    Task<IReadOnlyList<UntrackedImage>> ListUntrackedAsync(CancellationToken cancellationToken);
}
