namespace ImageGc.Sqlite;

/// <summary>A prune in the history.</summary>
/// <param name="PrunedAt">When it decided: UTC, whole seconds.</param>
/// <param name="Threshold">The threshold it decided with, rounded up to whole seconds.</param>
/// <param name="Tracked">How many images were tracked when it began.</param>
/// <param name="Removed">How many images it removed; so far, if it is still running or was interrupted.</param>
/// <param name="Failed">How many removals failed.</param>
/// <param name="Kind">Why it ran.</param>
/// <param name="FreedBytes">How many bytes its removals freed, where known; null if none is known.</param>
public sealed record PruneRun(
    DateTimeOffset PrunedAt, TimeSpan Threshold, long Tracked, long Removed, long Failed, PruneKind Kind,
    long? FreedBytes = null);

/// <summary>A removed image in the history.</summary>
/// <param name="Image">The image, its last use, and its names and size if they were described.</param>
/// <param name="RemovedAt">When it was forgotten, after its removal: UTC, whole seconds.</param>
/// <param name="Threshold">The threshold of the prune that removed it; zero if it was found gone.</param>
/// <param name="Kind">Why that prune ran; <see cref="PruneKind.Gone"/> if the image was found gone.</param>
/// <param name="Freed">What its removal freed; null if unknown.</param>
public sealed record RemovedImage(
    ImageUse Image, DateTimeOffset RemovedAt, TimeSpan Threshold, PruneKind Kind, FreedSpace? Freed = null);
