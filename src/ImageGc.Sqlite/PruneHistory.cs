namespace ImageGc.Sqlite;

/// <summary>A prune, as the history shows it.</summary>
/// <param name="PrunedAt">When it decided: UTC, whole seconds.</param>
/// <param name="Threshold">The threshold it decided with.</param>
/// <param name="Tracked">How many images were tracked when it began.</param>
/// <param name="Removed">How many it removed, so far if it is still going on or was interrupted.</param>
/// <param name="Failed">How many removals failed.</param>
/// <param name="Kind">Why it ran.</param>
/// <param name="FreedBytes">How many bytes its removals freed, of those of which it is known; null if of none.</param>
public sealed record PruneRun(
    DateTimeOffset PrunedAt, TimeSpan Threshold, long Tracked, long Removed, long Failed, PruneKind Kind,
    long? FreedBytes = null);

/// <summary>A removed image, as the history shows it.</summary>
/// <param name="Image">The image, its last use, and its names and size if they were described.</param>
/// <param name="RemovedAt">When it was forgotten, after its removal: UTC, whole seconds.</param>
/// <param name="Threshold">The threshold that its last use had passed; zero for one that was found gone.</param>
/// <param name="Kind">Why the prune ran that removed it, or that it was found gone.</param>
/// <param name="Freed">What its removal freed; null if unknown.</param>
public sealed record RemovedImage(
    ImageUse Image, DateTimeOffset RemovedAt, TimeSpan Threshold, PruneKind Kind, Freed? Freed = null);
