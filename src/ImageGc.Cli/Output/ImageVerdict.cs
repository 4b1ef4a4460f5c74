using ImageGc.Sqlite;

namespace ImageGc.Cli.Output;

/// <summary>What becomes, or became, of an image; in the order in which a prune reports.</summary>
internal enum Verdict
{
    Removed,
    Failed,
    Expired,
    UsedMeanwhile,
    UsedRecently,
    WaitsForClock,
    Kept,
    InUse,
}

internal sealed record ImageVerdict(Verdict Verdict, ImageUse Image, DateTimeOffset PrunableAt)
{
    /// <summary>Why it is still there although it should be gone.</summary>
    public string? Failure { get; init; }

    /// <summary>The rule that keeps it.</summary>
    public string? KeptBy { get; init; }

    /// <summary>The containers that use it, as far as that is known.</summary>
    public IReadOnlyList<string> UsedBy { get; init; } = [];

    /// <summary>What its removal freed; null if unknown.</summary>
    public Freed? Freed { get; init; }

    /// <summary>What would be run to remove it.</summary>
    public IReadOnlyList<string>? Command { get; init; }

    public static ImageVerdict Of(PruneVerdict verdict) => new(
        verdict.Reason switch
        {
            PruneReason.Expired => Verdict.Expired,
            PruneReason.UsedRecently => Verdict.UsedRecently,
            PruneReason.WaitsForClock => Verdict.WaitsForClock,
            PruneReason.Kept => Verdict.Kept,
            PruneReason.InUse => Verdict.InUse,
            _ => throw new ArgumentOutOfRangeException(nameof(verdict), verdict.Reason, null),
        },
        verdict.Image,
        verdict.PrunableAt)
    {
        KeptBy = verdict.KeptBy,
        UsedBy = verdict.UsedBy,
    };

    /// <summary>What became of an image that had expired.</summary>
    public static ImageVerdict Of(PruneOutcome outcome, TimeSpan threshold) => new(
        outcome.Result switch
        {
            PruneOutcomeResult.Removed => Verdict.Removed,
            PruneOutcomeResult.UsedMeanwhile => Verdict.UsedMeanwhile,
            PruneOutcomeResult.Failed => Verdict.Failed,
            _ => throw new ArgumentOutOfRangeException(nameof(outcome), outcome.Result, null),
        },
        outcome.Image,
        PrunableFrom(outcome.Image, threshold))
    {
        Failure = outcome.Failure?.Message,
        Freed = outcome.Freed,
    };

    /// <summary>What the history says of a removed image.</summary>
    public static ImageVerdict Of(RemovedImage removed) =>
        new(Verdict.Removed, removed.Image, PrunableFrom(removed.Image, removed.Threshold)) { Freed = removed.Freed };

    /// <summary>An image that may go and could not be removed.</summary>
    public static ImageVerdict Failed(ImageUse image, TimeSpan threshold) =>
        new(Verdict.Failed, image, PrunableFrom(image, threshold));

    private static DateTimeOffset PrunableFrom(ImageUse image, TimeSpan threshold) =>
        threshold > DateTimeOffset.MaxValue - image.LastUsedAt
            ? DateTimeOffset.MaxValue
            : image.LastUsedAt + threshold;

    /// <summary>What goes, then what stays, each oldest use first: the order in which a prune reports.</summary>
    public static List<ImageVerdict> ExpiredFirst(IReadOnlyList<PruneVerdict> oldestFirst) =>
        [.. oldestFirst.OrderBy(verdict => verdict.Reason != PruneReason.Expired).Select(Of)];
}
