using System.CommandLine;
using ImageGc.Cli.Execution;
using ImageGc.Cli.Input;
using ImageGc.Cli.Output;

namespace ImageGc.Cli.Commands;

internal sealed class KeepCommand : CommandBase
{
    private readonly Argument<string[]> _images = new("IMAGE")
    {
        Description = "What to keep: names, also without a tag, IDs, also shortened, or globs.",
        HelpName = "IMAGE",
        Arity = ArgumentArity.ZeroOrMore,
    };

    public KeepCommand(GlobalOptions global)
        : base(
            global, "keep",
            "Never remove these images, from now on and also after a restart; 'unkeep' takes it back. Without an image "
            + "it lists what is kept so.",
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
        foreach (var image in written)
            store.Keep(image);

        var kept = written.Length > 0 ? written.Distinct() : store.ListKept();
        if (context.Json)
            context.WriteJson(new JsonKept(kept), JsonOutput.Default.JsonKept);
        else
            kept.ToList().ForEach(context.WriteLine);

        var known = new KnownImages(store.List());
        foreach (var image in written.Distinct().Where(image => known.All(image).Count == 0))
            context.WriteInfo($"No tracked image is '{image}' now. {known.Hint(image)}");
        if (written.Length == 0 && !kept.Any())
            context.WriteInfo(
                "Nothing is kept by hand. What the settings of the daemon keep, 'imagegc explain' shows.");
        return ExitCode.Done;
    }
}
