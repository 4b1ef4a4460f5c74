namespace ImageGc.Sqlite;

/// <summary>Why a prune would remove an image or keep it.</summary>
public enum PruneReason
{
    /// <summary>Kept: the image is in use.</summary>
    InUse,

    /// <summary>
    /// Kept: the image is not in use, but <see cref="PruneOptions.Keep"/> or <see cref="ImageUseStore.Keep"/> keeps it.
    /// </summary>
    Kept,

    /// <summary>Kept: the image is not in use, but its last use is more recent than the threshold.</summary>
    UsedRecently,

    /// <summary>
    /// Kept: the image is not in use and is old enough by the wall clock, but that clock is not trusted yet, or was not
    /// when the image was used (<see cref="ImageUseStoreOptions.ClockSettleTime"/>).
    /// </summary>
    WaitsForClock,

    /// <summary>Removed: the image is not in use, and its last use is at least as long ago as the threshold.</summary>
    Expired,
}

/// <summary>What a prune would do with one tracked image.</summary>
/// <param name="Image">The image and its last use as recorded.</param>
/// <param name="Reason">Why it would be removed or kept.</param>
/// <param name="PrunableAt">
/// When a prune would first remove it if it is not used again and not kept: UTC, whole seconds. In the past if it has
/// expired; <see cref="DateTimeOffset.MaxValue"/> if that is after the year 9999.
/// </param>
public sealed record PruneVerdict(ImageUse Image, PruneReason Reason, DateTimeOffset PrunableAt)
{
    /// <summary>The rule that keeps it, for people; null if none does.</summary>
    public string? KeptBy { get; init; }

    /// <summary>
    /// The containers that use it, for people. Empty unless the caller sets it: the store knows only image IDs.
    /// </summary>
    public IReadOnlyList<string> UsedBy { get; init; } = [];
}
