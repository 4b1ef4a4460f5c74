using System.CommandLine;
using System.Globalization;
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
        var table = new OutputTable(OutputTable.ShrinkableColumn, "LAST USED (UTC)") { AllowWideLines = fullIds };
        foreach (var image in images)
            table.Add(Id(image), LastUsed(image));
        return table;
    }

    public OutputTable Of(IReadOnlyCollection<ImageVerdict> verdicts)
    {
        string[] columns = ["VERDICT", OutputTable.ShrinkableColumn, "LAST USED (UTC)", "PRUNABLE"];
        var isAnyKept = verdicts.Any(verdict => verdict.KeptBy is not null);
        var table = new OutputTable(isAnyKept ? [.. columns, "KEPT BY"] : columns) { AllowWideLines = fullIds };
        foreach (var verdict in verdicts)
        {
            Cell[] cells =
                [VerdictOf(verdict.Verdict), Id(verdict.Image), LastUsed(verdict.Image), PrunableAt(verdict)];
            table.Add(isAnyKept ? [.. cells, new(verdict.KeptBy ?? "")] : cells);
        }

        return table;
    }

    public OutputTable Of(IEnumerable<RemovedImage> images)
    {
        var table = new OutputTable(
            OutputTable.ShrinkableColumn, "LAST USED (UTC)", "REMOVED (UTC)", "UNUSED FOR", "THRESHOLD", "FREED")
        {
            AllowWideLines = fullIds,
        };
        foreach (var removed in images)
        {
            table.Add(
                Id(removed.Image), At(removed.Image.LastUsedAt), At(removed.RemovedAt),
                new(TimeFormat.Seconds(removed.UnusedFor()), TimeFormat.Duration(removed.UnusedFor())),
                removed.Kind == PruneKind.Gone ? new("gone") : Threshold(removed.Threshold),
                Freed(removed.Freed?.Bytes));
        }

        return table;
    }

    public OutputTable Of(IEnumerable<PruneRun> runs)
    {
        var table = new OutputTable("PRUNED (UTC)", "THRESHOLD", "TRACKED", "REMOVED", "FAILED", "FREED");
        foreach (var run in runs)
        {
            table.Add(
                Since(run.PrunedAt), Threshold(run.Threshold),
                Cell.Of(run.Tracked), Cell.Of(run.Removed), Cell.Of(run.Failed), Freed(run.FreedBytes));
        }

        return table;
    }

    private static Cell Threshold(TimeSpan threshold) =>
        new(TimeFormat.Seconds(threshold), DurationText.Format(threshold));

    private static Cell Freed(long? bytes) => bytes is { } freed
        ? new(freed.ToString(CultureInfo.InvariantCulture), SizeText.Format(freed))
        : new("");

    private static Cell At(DateTimeOffset moment) => new(TimeFormat.Iso(moment), TimeFormat.Short(moment));

    private static Cell VerdictOf(Verdict verdict) => verdict switch
    {
        Verdict.Removed => new("removed", Color: Color.Red),
        Verdict.Failed => new("failed", Color: Color.Red),
        Verdict.Expired => new("expired", Color: Color.Red),
        Verdict.UsedMeanwhile => new("used-meanwhile", Color: Color.Yellow),
        Verdict.UsedRecently => new("used-recently", Color: Color.Yellow),
        Verdict.WaitsForClock => new("waits-for-clock", Color: Color.Yellow),
        Verdict.Kept => new("kept", Color: Color.Green),
        Verdict.InUse => new("in-use", Color: Color.Green),
        _ => throw new ArgumentOutOfRangeException(nameof(verdict), verdict, null),
    };

    private Cell Id(ImageUse image) =>
        new(image.ImageId, fullIds ? image.ImageId : ImageId.Shorten(image.ImageId));

    private Cell LastUsed(ImageUse image) => Since(image.LastUsedAt);

    private Cell Since(DateTimeOffset moment) =>
        new(TimeFormat.Iso(moment), $"{TimeFormat.Short(moment)}, {TimeFormat.Relative(moment, now)}");

    private Cell PrunableAt(ImageVerdict verdict) =>
        new(TimeFormat.Iso(verdict.PrunableAt), TimeFormat.Relative(verdict.PrunableAt, now));
}
