using System.CommandLine;
using ImageGc.Cli.Input;
using ImageGc.Cli.Output;
using ImageGc.Sqlite;

namespace ImageGc.Cli.Commands;

internal sealed class HistoryCommand : ToolCommand
{
    private readonly Argument<string?> _id = new("ID")
    {
        Description = "Only this image: its ID in full, or its first digits (4 at least).",
        Arity = ArgumentArity.ZeroOrOne,
        HelpName = "ID",
    };

    private readonly Option<bool> _runs = new("--runs") { Description = "List the prunes themselves, newest first." };
    private readonly Option<bool> _fullIds = ImageListing.FullIds();

    public HistoryCommand(GlobalOptions global)
        : base(
            global, "history",
            "List the images that prunes of the last 90 days removed, newest prune first: when, and why.",
            "imagegc history",
            "imagegc history 4bcff63911fc",
            "imagegc history --runs")
    {
        _id.Validators.Add(ImageIds.RequireValid);
        ImageIds.Complete(_id.CompletionSources, KnownIds.TrackedOrRemoved, global);
        Arguments.Add(_id);
        Options.Add(_runs);
        Options.Add(_fullIds);
        Validators.Add(given =>
        {
            if (given.GetValue(_runs) && given.GetResult(_id) is { Tokens.Count: > 0 })
                given.AddError("--runs lists whole prunes, not one image; leave out either.");
        });
    }

    protected override int Run(Invocation invocation)
    {
        using var store = invocation.OpenReadOnly();
        if (invocation.Get(_runs))
        {
            WriteRuns(store.ListPrunes(), invocation);
            return ExitCode.Done;
        }

        var written = invocation.GetOptional(_id);
        var removed = store.ListRemoved();
        if (written is not null)
            removed = [.. removed.Where(image => ShortenedIds.Means(written, image.Image.ImageId))];
        WriteRemoved(removed, invocation);
        return written is null ? ExitCode.Done : Explain(written, found: removed.Count > 0, store, invocation);
    }

    private void WriteRemoved(IReadOnlyList<RemovedImage> removed, Invocation invocation)
    {
        if (invocation.Json)
            invocation.WriteJson(removed.Select(JsonRemoved.Of), JsonOutput.Default.IEnumerableJsonRemoved);
        else if (removed.Count > 0)
            invocation.Write(new ImageListing(invocation.Shell.Time.GetUtcNow(), invocation.Get(_fullIds)).Of(removed));
        else if (invocation.GetOptional(_id) is null)
            invocation.Tell("No prune of the last 90 days removed an image.");
    }

    private static void WriteRuns(IReadOnlyList<PruneRun> runs, Invocation invocation)
    {
        if (invocation.Json)
            invocation.WriteJson(runs.Select(JsonRun.Of), JsonOutput.Default.IEnumerableJsonRun);
        else if (runs.Count > 0)
            invocation.Write(new ImageListing(invocation.Shell.Time.GetUtcNow(), fullIds: false).Of(runs));
        else
            invocation.Tell("There was no prune so far.");
    }

    /// <summary>Tells what the history of an image leaves open: whether it is tracked now.</summary>
    private static int Explain(string written, bool found, ImageUseStore store, Invocation invocation)
    {
        var tracked = store.List().Where(image => ShortenedIds.Means(written, image.ImageId)).ToList();
        if (found)
        {
            foreach (var image in tracked)
                invocation.Tell($"{image.ImageId} is tracked again, last used {Moment.Iso(image.LastUsedAt)}.");
            return ExitCode.Done;
        }

        var instead = tracked.Count == 0
            ? "It is not tracked either."
            : $"{tracked[0].ImageId} is still tracked, last used {Moment.Iso(tracked[0].LastUsedAt)}.";
        if (written.Length < ShortenedIds.FewestDigits)
            instead += $" Give {ShortenedIds.FewestDigits} digits of an ID at least.";
        invocation.Complain($"No prune of the last 90 days removed '{written}'. {instead}");
        return ExitCode.Failed;
    }
}
