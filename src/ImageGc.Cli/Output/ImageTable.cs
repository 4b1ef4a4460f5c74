using System.CommandLine;
using System.Globalization;
using ImageGc.Hosting;
using ImageGc.Sqlite;
using Spectre.Console;

namespace ImageGc.Cli.Output;

/// <summary>Tables of images, of their verdicts, of removed images and of prunes.</summary>
internal sealed class ImageTable(DateTimeOffset now, bool fullIds)
{
    /// <summary>The option that asks for full IDs on a terminal.</summary>
    public static Option<bool> FullIdsOption() => new("--no-trunc")
    {
        Description = "Do not shorten IDs on the terminal.",
    };

    public OutputTable Of(IEnumerable<ImageUse> images)
    {
        var table = new OutputTable(OutputTable.IdColumn, "LAST USED (UTC)", "SIZE", OutputTable.NameColumn)
        {
            AllowWideLines = fullIds,
            Shown = [OutputTable.NameColumn, "LAST USED (UTC)", "SIZE", OutputTable.IdColumn],
        };
        foreach (var image in images)
            table.Add(Id(image), LastUsed(image), Bytes(image.SizeBytes), Names(image));
        return table;
    }

    public OutputTable Of(IReadOnlyCollection<ImageVerdict> verdicts)
    {
        var table = new OutputTable(
            OutputTable.VerdictColumn, OutputTable.IdColumn, "LAST USED", "PRUNABLE", "SIZE", OutputTable.NameColumn,
            "WHY")
        {
            AllowWideLines = fullIds,
            Shown =
            [
                OutputTable.NameColumn, "LAST USED", OutputTable.VerdictColumn, "SIZE", OutputTable.IdColumn,
            ],
        };
        foreach (var verdict in verdicts)
        {
            table.Add(
                VerdictOf(verdict), Id(verdict.Image), UsedAgo(verdict.Image), new(TimeFormat.Iso(verdict.PrunableAt)),
                Bytes(verdict.Image.SizeBytes), Names(verdict.Image), Why(verdict));
        }

        return table;
    }

    public static OutputTable Of(IEnumerable<UntrackedImage> images, bool fullIds)
    {
        var table = new OutputTable(OutputTable.IdColumn, "SIZE", OutputTable.NameColumn, OutputTable.WhyColumn)
        {
            AllowWideLines = fullIds,
            Shown = [OutputTable.NameColumn, "SIZE", OutputTable.WhyColumn, OutputTable.IdColumn],
        };
        foreach (var untracked in images)
        {
            var image = new ImageUse(untracked.Image.ImageId, default) { Names = untracked.Image.Names };
            table.Add(Id(image, fullIds), Bytes(untracked.Image.SizeBytes), Names(image), new(untracked.Why));
        }

        return table;
    }

    public OutputTable Of(IEnumerable<RemovedImage> images)
    {
        var table = new OutputTable(
            OutputTable.IdColumn, "LAST USED (UTC)", "REMOVED (UTC)", "UNUSED FOR", "THRESHOLD", "FREED", "SIZE",
            OutputTable.NameColumn, "WHY")
        {
            AllowWideLines = fullIds,
            Shown =
            [
                OutputTable.NameColumn, "REMOVED (UTC)", "UNUSED FOR", "WHY", "FREED", OutputTable.IdColumn,
            ],
        };
        foreach (var removed in images)
        {
            table.Add(
                Id(removed.Image), At(removed.Image.LastUsedAt), At(removed.RemovedAt),
                new(TimeFormat.Seconds(removed.UnusedFor()), TimeFormat.Duration(removed.UnusedFor())),
                removed.Kind == PruneKind.Gone ? Unknown : Threshold(removed.Threshold),
                Bytes(removed.Freed?.Bytes), Bytes(removed.Image.SizeBytes), Names(removed.Image),
                Why(removed.Kind, removed.Threshold));
        }

        return table;
    }

    public static OutputTable Of(IEnumerable<PruneRun> runs)
    {
        var table = new OutputTable("PRUNED (UTC)", "THRESHOLD", "TRACKED", "REMOVED", "FAILED", "FREED", "WHY");
        foreach (var run in runs)
        {
            table.Add(
                At(run.PrunedAt), Threshold(run.Threshold),
                Cell.Of(run.Tracked), Cell.Of(run.Removed), Cell.Of(run.Failed), Bytes(run.FreedBytes),
                Why(run.Kind, run.Threshold));
        }

        return table;
    }

    private static Cell Threshold(TimeSpan threshold) =>
        new(TimeFormat.Seconds(threshold), DurationText.Format(threshold));

    private static Cell Bytes(long? bytes) => bytes is { } known
        ? new(known.ToString(CultureInfo.InvariantCulture), SizeText.Format(known))
        : Unknown;

    /// <summary>All names for scripts; the first one for people, which is a tag if there is one.</summary>
    private static Cell Names(ImageUse image) =>
        image.Names is [var first, ..]
            ? new(string.Join(',', image.Names), image.HasLostNames ? $"{first} (formerly)" : first)
            : Unknown;

    /// <summary>Not empty: a script that splits at white space would read the next field instead.</summary>
    private static readonly Cell Unknown = new("-");

    private static Cell At(DateTimeOffset moment) => new(TimeFormat.Iso(moment), TimeFormat.Short(moment));

    private static Cell Why(ImageVerdict verdict) =>
        verdict.KeptBy is { } rule ? new(rule)
        : verdict.UsedBy.Count > 0 ? new(string.Join(',', verdict.UsedBy))
        : Unknown;

    private static Cell Why(PruneKind kind, TimeSpan threshold) => kind switch
    {
        PruneKind.Scheduled => new("scheduled", $"over {DurationText.Format(threshold)}"),
        PruneKind.DiskPressure => new("disk-pressure", "disk full"),
        PruneKind.Manual => new("manual", "by hand"),
        PruneKind.Gone => new("gone", "by others"),
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, null),
    };

    private Cell VerdictOf(ImageVerdict verdict) => verdict.Verdict switch
    {
        Verdict.Removed => new("removed", Color: Color.Red),
        Verdict.Failed => new("failed", "removal failed", Color.Red),
        Verdict.Expired => new("expired", Color: Color.Red),
        Verdict.UsedMeanwhile => new("used-meanwhile", "used meanwhile", Color.Yellow),
        Verdict.UsedRecently => new(
            "used-recently",
            verdict.PrunableAt == DateTimeOffset.MaxValue
                ? "never expires"
                : $"expires {TimeFormat.Relative(verdict.PrunableAt, now)}",
            Color.Yellow),
        Verdict.WaitsForClock => new("waits-for-clock", "waits for the clock", Color.Yellow),
        Verdict.Kept => new("kept", $"kept: {verdict.KeptBy}", Color.Green),
        Verdict.InUse => new(
            "in-use", verdict.UsedBy is [var container, ..] ? $"in use by {container}" : "in use", Color.Green),
        _ => throw new ArgumentOutOfRangeException(nameof(verdict), verdict.Verdict, null),
    };

    private Cell Id(ImageUse image) => Id(image, fullIds);

    private static Cell Id(ImageUse image, bool fullIds) =>
        new(image.ImageId, fullIds ? image.ImageId : ImageId.Shorten(image.ImageId));

    private Cell LastUsed(ImageUse image) => Since(image.LastUsedAt);

    private Cell UsedAgo(ImageUse image) =>
        new(TimeFormat.Iso(image.LastUsedAt), TimeFormat.Relative(image.LastUsedAt, now));

    private Cell Since(DateTimeOffset moment) =>
        new(TimeFormat.Iso(moment), $"{TimeFormat.Short(moment)}, {TimeFormat.Relative(moment, now)}");
}
