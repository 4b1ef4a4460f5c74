using System.CommandLine;
using ImageGc.Cli.Execution;
using ImageGc.Cli.Input;
using ImageGc.Cli.Output;
using ImageGc.Sqlite;

namespace ImageGc.Cli.Commands;

internal sealed class HistoryCommand : CommandBase
{
    private readonly Argument<string?> _image;
    private readonly Option<bool> _runs = new("--runs") { Description = "List the cleanups instead, newest first." };
    private readonly Option<bool> _fullIds = ImageTable.FullIdsOption();

    public HistoryCommand(GlobalOptions global)
        : base(
            global, "history",
            "List the removed images, newest first, with the time, the reason and the space that was freed. The "
            + "history is kept for at least 90 days.",
            "imagegc history",
            "imagegc history registry/app:1.4",
            "imagegc history --runs")
    {
        _image = ImageIdArgument.CreateFilter(ImageIdCompletions.TrackedOrRemoved, global);
        Arguments.Add(_image);
        Options.Add(_runs);
        Options.Add(_fullIds);
        Validators.Add(given =>
        {
            if (given.GetValue(_runs) && given.GetResult(_image) is { Tokens.Count: > 0 })
                given.AddError("--runs and IMAGE cannot be combined. Leave out one of them.");
        });
    }

    protected override int Run(CommandContext context)
    {
        using var store = context.OpenReadOnly();
        if (context.Get(_runs))
        {
            WriteRuns(store.ListPrunes(), context);
            return ExitCode.Done;
        }

        var written = context.GetOptional(_image);
        var removed = store.ListRemoved();
        if (written is not null)
            removed = KnownImages.Matching(written, removed, image => image.Image);
        WriteRemoved(removed, context);
        return written is null ? ExitCode.Done : WriteTrackedState(written, found: removed.Count > 0, store, context);
    }

    private void WriteRemoved(IReadOnlyList<RemovedImage> removed, CommandContext context)
    {
        if (context.Json)
            context.WriteJson(removed.Select(JsonRemoved.Of), JsonOutput.Default.IEnumerableJsonRemoved);
        else if (removed.Count > 0)
            context.WriteTable(new ImageTable(context.Environment.Time.GetUtcNow(), context.Get(_fullIds)).Of(removed));
        else if (context.GetOptional(_image) is null)
            context.WriteInfo("The history has no removed images.");
    }

    private static void WriteRuns(IReadOnlyList<PruneRun> runs, CommandContext context)
    {
        if (context.Json)
            context.WriteJson(runs.Select(JsonRun.Of), JsonOutput.Default.IEnumerableJsonRun);
        else if (runs.Count > 0)
            context.WriteTable(ImageTable.Of(runs));
        else
            context.WriteInfo("No cleanup has run yet.");
    }

    /// <summary>Reports whether an image is tracked now, which its history does not show.</summary>
    private static int WriteTrackedState(string written, bool found, ImageUseStore store, CommandContext context)
    {
        var all = store.List();
        var tracked = new KnownImages(all).All(written);
        if (found)
        {
            foreach (var image in tracked)
                context.WriteInfo($"{image.ImageId} is tracked now, last used {TimeFormat.Iso(image.LastUsedAt)}.");
            return ExitCode.Done;
        }

        var known = new KnownImages([.. all, .. store.ListRemoved().Select(removed => removed.Image)]);
        var instead = tracked.Count == 0
            ? $"It is not tracked either. {known.Hint(written)}"
            : $"{tracked[0].ImageId} is still tracked, last used {TimeFormat.Iso(tracked[0].LastUsedAt)}.";
        if (written.Length < ImageId.MinPrefixDigits && written.All(char.IsAsciiHexDigit))
            instead += $" Give at least {ImageId.MinPrefixDigits} digits of an ID.";
        context.WriteError($"The history has no removal of '{written}'. {instead}");
        return ExitCode.Failed;
    }
}
