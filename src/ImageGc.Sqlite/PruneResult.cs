namespace ImageGc.Sqlite;

/// <summary>
/// What <see
/// cref="ImageUseStore.PruneAsync(IEnumerable{string}, Func{ImageUse, CancellationToken, Task}, CancellationToken)"/>
/// did, oldest use first.
/// </summary>
/// <param name="Removed">Removed by the caller and forgotten.</param>
/// <param name="UsedMeanwhile">
/// Still tracked because they were used after the decision: not removed, or used during their own removal.
/// </param>
/// <param name="Failed">Still tracked because their removal failed; the next prune tries again.</param>
public sealed record PruneResult(
    IReadOnlyList<ImageUse> Removed, IReadOnlyList<ImageUse> UsedMeanwhile, IReadOnlyList<PruneFailure> Failed);

/// <summary>An image whose removal failed.</summary>
/// <param name="Image">The image and its last use.</param>
/// <param name="Exception">What the removal threw.</param>
public sealed record PruneFailure(ImageUse Image, Exception Exception);

/// <summary>A prune, as the history shows it.</summary>
/// <param name="PrunedAt">When it decided: UTC, whole seconds.</param>
/// <param name="Threshold">The threshold it decided with.</param>
/// <param name="Tracked">How many images were tracked when it began.</param>
/// <param name="Removed">How many it removed, so far if it is still going on or was interrupted.</param>
/// <param name="Failed">How many removals failed.</param>
public sealed record PruneRun(DateTimeOffset PrunedAt, TimeSpan Threshold, long Tracked, long Removed, long Failed);

/// <summary>An image that a prune of the last 90 days removed.</summary>
/// <param name="Image">The image and its last use.</param>
/// <param name="RemovedAt">When it was forgotten, after its removal: UTC, whole seconds.</param>
/// <param name="Threshold">The threshold that its last use had passed.</param>
public sealed record RemovedImage(ImageUse Image, DateTimeOffset RemovedAt, TimeSpan Threshold);
