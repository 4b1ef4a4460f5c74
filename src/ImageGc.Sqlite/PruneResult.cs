namespace ImageGc.Sqlite;

/// <summary>What <see cref="ImageUseStore.PruneAsync"/> did, oldest use first.</summary>
/// <param name="Removed">Removed by the caller and forgotten.</param>
/// <param name="UsedMeanwhile">
/// Not forgotten because they were used after the decision: not removed, or used during their own removal. Or they were
/// kept by hand (<see cref="ImageUseStore.Keep"/>), or forgotten by something else, before their turn.
/// </param>
/// <param name="Failed">Still tracked because their removal failed; the next prune tries again.</param>
/// <param name="Left">Expired and not tried, because <see cref="PruneOptions.Enough"/> said so.</param>
public sealed record PruneResult(
    IReadOnlyList<ImageUse> Removed, IReadOnlyList<ImageUse> UsedMeanwhile, IReadOnlyList<PruneFailure> Failed,
    IReadOnlyList<ImageUse> Left);

/// <summary>An image whose removal failed.</summary>
/// <param name="Image">The image and its last use.</param>
/// <param name="Exception">What the removal threw.</param>
public sealed record PruneFailure(ImageUse Image, Exception Exception);

/// <summary>What became of an image that had expired.</summary>
/// <param name="Image">The image and its last use.</param>
/// <param name="Result">What became of it.</param>
/// <param name="Failure">What its removal threw, or null if it did not fail.</param>
/// <param name="Freed">What its removal freed; null if unknown.</param>
public sealed record PruneOutcome(
    ImageUse Image, PruneOutcomeResult Result, Exception? Failure = null, Freed? Freed = null);

/// <summary>What can become of an image that had expired.</summary>
public enum PruneOutcomeResult
{
    /// <summary>Removed and forgotten, and in the history.</summary>
    Removed,

    /// <summary>Still tracked, or gone before its turn: see <see cref="PruneResult.UsedMeanwhile"/>.</summary>
    UsedMeanwhile,

    /// <summary>Still tracked, because its removal failed.</summary>
    Failed,
}
