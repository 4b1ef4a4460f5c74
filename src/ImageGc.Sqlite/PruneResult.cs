namespace ImageGc.Sqlite;

/// <summary>
/// What <see
/// cref="ImageUseStore.PruneAsync(IEnumerable{string}, Func{ImageUse, CancellationToken, Task}, CancellationToken)"/>
/// did, oldest use first.
/// </summary>
/// <param name="Removed">Removed by the caller and forgotten.</param>
/// <param name="UsedMeanwhile">
/// Not forgotten because they were used after the decision: not removed, or used during their own removal. Or somebody
/// else forgot them meanwhile.
/// </param>
/// <param name="Failed">Still tracked because their removal failed; the next prune tries again.</param>
public sealed record PruneResult(
    IReadOnlyList<ImageUse> Removed, IReadOnlyList<ImageUse> UsedMeanwhile, IReadOnlyList<PruneFailure> Failed);

/// <summary>An image whose removal failed.</summary>
/// <param name="Image">The image and its last use.</param>
/// <param name="Exception">What the removal threw.</param>
public sealed record PruneFailure(ImageUse Image, Exception Exception);
