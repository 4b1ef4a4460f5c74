namespace ImageGc.Sqlite;

/// <summary>The result of <see cref="ImageUseStore.PruneAsync"/>, in the order in which it took the images.</summary>
/// <param name="Removed">The images that were removed and forgotten.</param>
/// <param name="UsedMeanwhile">
/// The images that were used after the decision: before their removal, which was then not tried, or during it. Also
/// images that were kept by hand (<see cref="ImageUseStore.Keep"/>) or forgotten before their turn.
/// </param>
/// <param name="Failed">The images whose removal failed. They stay tracked; the next prune tries again.</param>
/// <param name="Left">
/// The expired images that were not tried, because <see cref="PruneOptions.Enough"/> returned true.
/// </param>
public sealed record PruneResult(
    IReadOnlyList<ImageUse> Removed, IReadOnlyList<ImageUse> UsedMeanwhile, IReadOnlyList<PruneFailure> Failed,
    IReadOnlyList<ImageUse> Left);

/// <summary>An image whose removal failed.</summary>
/// <param name="Image">The image and its last use.</param>
/// <param name="Exception">What the removal threw.</param>
public sealed record PruneFailure(ImageUse Image, Exception Exception);

/// <summary>The outcome for an expired image.</summary>
/// <param name="Image">The image and its last use.</param>
/// <param name="Result">Whether it was removed.</param>
/// <param name="Failure">What its removal threw; null if it did not fail.</param>
/// <param name="Freed">What its removal freed; null if unknown.</param>
public sealed record PruneOutcome(
    ImageUse Image, RemovalResult Result, Exception? Failure = null, FreedSpace? Freed = null);

/// <summary>Whether an expired image was removed.</summary>
public enum RemovalResult
{
    /// <summary>The image was removed and forgotten.</summary>
    Removed,

    /// <summary>The image was used after the decision; see <see cref="PruneResult.UsedMeanwhile"/>.</summary>
    UsedMeanwhile,

    /// <summary>The removal failed, so the image stays tracked.</summary>
    Failed,
}
