using ImageGc.Sqlite;

namespace ImageGc.Cli.Output;

/// <summary>What happens or happened to an image, in the order in which a prune reports it.</summary>
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
    /// <summary>Why the image could not be removed.</summary>
    public string? Failure { get; init; }

    /// <summary>The rule that keeps the image.</summary>
    public string? KeptBy { get; init; }

    /// <summary>The containers that use the image, as far as they are known.</summary>
    public IReadOnlyList<string> UsedBy { get; init; } = [];

    /// <summary>The space that its removal freed; null if unknown.</summary>
    public FreedSpace? Freed { get; init; }

    /// <summary>The command that would remove the image.</summary>
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

    /// <summary>The outcome for an image that had expired.</summary>
    public static ImageVerdict Of(PruneOutcome outcome, TimeSpan threshold) => new(
        outcome.Result switch
        {
            RemovalResult.Removed => Verdict.Removed,
            RemovalResult.UsedMeanwhile => Verdict.UsedMeanwhile,
            RemovalResult.Failed => Verdict.Failed,
            _ => throw new ArgumentOutOfRangeException(nameof(outcome), outcome.Result, null),
        },
        outcome.Image,
        PrunableFrom(outcome.Image, threshold))
    {
        Failure = outcome.Failure?.Message,
        Freed = outcome.Freed,
    };

    /// <summary>An image in the history.</summary>
    public static ImageVerdict Of(RemovedImage removed) =>
        new(Verdict.Removed, removed.Image, PrunableFrom(removed.Image, removed.Threshold)) { Freed = removed.Freed };

    /// <summary>An expired image that could not be removed.</summary>
    public static ImageVerdict Failed(ImageUse image, TimeSpan threshold) =>
        new(Verdict.Failed, image, PrunableFrom(image, threshold));

    private static DateTimeOffset PrunableFrom(ImageUse image, TimeSpan threshold) =>
        threshold > DateTimeOffset.MaxValue - image.LastUsedAt
            ? DateTimeOffset.MaxValue
            : image.LastUsedAt + threshold;

    /// <summary>First the expired images, then the others: the order in which a prune reports them.</summary>
    public static List<ImageVerdict> ExpiredFirst(IReadOnlyList<PruneVerdict> oldestFirst) =>
        [.. oldestFirst.OrderBy(verdict => verdict.Reason != PruneReason.Expired).Select(Of)];
}
