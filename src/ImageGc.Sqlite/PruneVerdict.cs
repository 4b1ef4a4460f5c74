namespace ImageGc.Sqlite;

/// <summary>Why a prune would remove an image or keep it.</summary>
public enum PruneReason
{
    /// <summary>Kept: the image is in use.</summary>
    InUse,

    /// <summary>Kept: the image is not in use, but <see cref="PruneOptions.Keep"/> names it.</summary>
    Kept,

    /// <summary>Kept: the image is not in use, but its last use is younger than the threshold.</summary>
    UsedRecently,

    /// <summary>
    /// Kept: the image is not in use, and by the wall clock old enough, but that clock cannot be believed yet, or could
    /// not when the image was used. See <see cref="ImageUseStoreOptions.ClockSettleTime"/>.
    /// </summary>
    WaitsForClock,

    /// <summary>Goes: the image is not in use, and its last use is at least as old as the threshold.</summary>
    Expired,
}

/// <summary>What a prune would do with one tracked image.</summary>
/// <param name="Image">The image and its last use as recorded.</param>
/// <param name="Reason">Why it would go or stay.</param>
/// <param name="PrunableAt">
/// The first moment (UTC) at which a prune would remove it if it were not used from now on; in the past when it has
/// expired, and <see cref="DateTimeOffset.MaxValue"/> when the threshold reaches beyond the calendar.
/// </param>
public sealed record PruneVerdict(ImageUse Image, PruneReason Reason, DateTimeOffset PrunableAt)
{
    /// <summary>The rule of <see cref="PruneOptions.Keep"/> by which it is kept; null if it is not.</summary>
    public string? KeptBy { get; init; }

    /// <summary>
    /// The containers that use it, for people; none if nobody filled it in, for the store knows image IDs alone.
    /// </summary>
    public IReadOnlyList<string> UsedBy { get; init; } = [];
}
