using System.CommandLine;
using ImageGc.Cli.Execution;
using ImageGc.Cli.Input;
using ImageGc.Cli.Output;
using ImageGc.Sqlite;

namespace ImageGc.Cli.Commands;

internal sealed class KeepCommand : CommandBase
{
    private readonly Argument<string[]> _images = new("IMAGE")
    {
        Description = "The images to keep: names with or without a tag, full or shortened IDs, or globs.",
        HelpName = "IMAGE",
        Arity = ArgumentArity.ZeroOrMore,
    };

    public KeepCommand(GlobalOptions global)
        : base(
            global, "keep",
            "Exclude images from removal until you run 'imagegc unkeep'. Takes effect at once, also in a running "
            + "daemon. Without IMAGE, list the kept images.",
            "imagegc keep registry/app:1.4",
            "imagegc keep 'registry/agent:*'",
            "imagegc keep")
    {
        _images.Validators.Add(ImageIdArgument.Validate);
        ImageIdArgument.AddCompletions(_images.CompletionSources, ImageIdCompletions.TrackedOrNamed, global);
        Arguments.Add(_images);
    }

    protected override int Run(CommandContext context)
    {
        var written = context.GetOptional(_images) ?? [];
        using var store = written.Length > 0 ? context.OpenExisting() : context.OpenReadOnly();
        // Also kept if no tracked image matches: it may be pulled later.
        foreach (var image in written)
            store.Keep(image);

        var kept = store.ListKept();
        if (context.Json)
            context.WriteJson(new JsonKept(kept), JsonOutput.Default.JsonKept);
        else
            (written.Length > 0 ? written.Distinct() : kept).ToList().ForEach(context.WriteLine);

        var known = new KnownImages(store.List());
        foreach (var image in written.Distinct())
            Explain(image, known, context);
        if (written.Length == 0 && kept.Count == 0)
            context.WriteInfo(
                "No image is kept by hand. To see what the settings of the daemon keep, run 'imagegc explain'.");
        return ExitCode.Done;
    }

    private static void Explain(string written, KnownImages known, CommandContext context)
    {
        var images = known.All(written);
        if (images.Count == 0)
            context.WriteInfo(
                $"No tracked image matches '{written}' now. {known.Hint(written)} To undo this, run "
                + $"'imagegc unkeep {written}'.");
        foreach (var image in images.Where(image => image.HasLostNames && !ImageId.Matches(written, image.ImageId)))
            context.WriteInfo($"{ImageId.Shorten(image.ImageId)} has lost this name, so it is not kept. To keep it "
                + $"too, run 'imagegc keep {ImageId.Shorten(image.ImageId)}'.");
    }
}
