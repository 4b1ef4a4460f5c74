using System.CommandLine;
using ImageGc.Cli.Input;
using ImageGc.Docker;
using ImageGc.Sqlite;
using Spectre.Console;

namespace ImageGc.Cli.Output;

/// <summary>How images, what becomes of them and the prunes are shown.</summary>
internal sealed class ImageListing(DateTimeOffset now, bool fullIds)
{
    /// <summary>The option that asks for full IDs on a terminal.</summary>
    public static Option<bool> FullIds() => new("--no-trunc") { Description = "Do not shorten IDs on the terminal." };

    public Listing Of(IEnumerable<ImageUse> images)
    {
        var listing = new Listing(Listing.Elastic, "LAST USED (UTC)") { Full = fullIds };
        foreach (var image in images)
            listing.Add(Id(image), LastUsed(image));
        return listing;
    }

    public Listing Of(IEnumerable<ImageVerdict> verdicts)
    {
        var listing = new Listing("VERDICT", Listing.Elastic, "LAST USED (UTC)", "PRUNABLE") { Full = fullIds };
        foreach (var verdict in verdicts)
            listing.Add(Word(verdict.Verdict), Id(verdict.Image), LastUsed(verdict.Image), PrunableAt(verdict));
        return listing;
    }

    public Listing Of(IEnumerable<RemovedImage> images)
    {
        var listing = new Listing(Listing.Elastic, "LAST USED (UTC)", "REMOVED (UTC)", "UNUSED FOR", "THRESHOLD")
        {
            Full = fullIds,
        };
        foreach (var removed in images)
        {
            listing.Add(
                Id(removed.Image), At(removed.Image.LastUsedAt), At(removed.RemovedAt),
                new(Duration.InSeconds(removed.UnusedFor()), Moment.Length(removed.UnusedFor())),
                Threshold(removed.Threshold));
        }

        return listing;
    }

    public Listing Of(IEnumerable<PruneRun> runs)
    {
        var listing = new Listing("PRUNED (UTC)", "THRESHOLD", "TRACKED", "REMOVED", "FAILED");
        foreach (var run in runs)
        {
            listing.Add(
                Since(run.PrunedAt), Threshold(run.Threshold),
                Cell.Of(run.Tracked), Cell.Of(run.Removed), Cell.Of(run.Failed));
        }

        return listing;
    }

    private static Cell Threshold(TimeSpan threshold) =>
        new(Duration.InSeconds(threshold), DurationText.Format(threshold));

    private static Cell At(DateTimeOffset moment) => new(Moment.Iso(moment), Moment.Short(moment));

    private static Cell Word(Verdict verdict) => verdict switch
    {
        Verdict.Removed => new("removed", Color: Color.Red),
        Verdict.Failed => new("failed", Color: Color.Red),
        Verdict.Expired => new("expired", Color: Color.Red),
        Verdict.UsedMeanwhile => new("used-meanwhile", Color: Color.Yellow),
        Verdict.UsedRecently => new("used-recently", Color: Color.Yellow),
        Verdict.InUse => new("in-use", Color: Color.Green),
        _ => throw new ArgumentOutOfRangeException(nameof(verdict), verdict, null),
    };

    private Cell Id(ImageUse image) =>
        new(image.ImageId, fullIds ? image.ImageId : ShortenedIds.Shorten(image.ImageId));

    private Cell LastUsed(ImageUse image) => Since(image.LastUsedAt);

    private Cell Since(DateTimeOffset moment) =>
        new(Moment.Iso(moment), $"{Moment.Short(moment)}, {Moment.Relative(moment, now)}");

    private Cell PrunableAt(ImageVerdict verdict) =>
        new(Moment.Iso(verdict.PrunableAt), Moment.Relative(verdict.PrunableAt, now));
}
