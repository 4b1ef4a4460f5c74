using System.CommandLine;
using ImageGc.Cli.Execution;
using ImageGc.Cli.Input;
using ImageGc.Cli.Output;

namespace ImageGc.Cli.Commands;

internal sealed class UnkeepCommand : CommandBase
{
    private readonly Argument<string[]> _images = new("IMAGE")
    {
        Description = "The images to stop keeping, as 'imagegc keep' lists them.",
        HelpName = "IMAGE",
        Arity = ArgumentArity.OneOrMore,
    };

    public UnkeepCommand(GlobalOptions global)
        : base(
            global, "unkeep", "Undo 'imagegc keep', so that the images can be removed again.",
            "imagegc unkeep registry/app:1.4")
    {
        _images.Validators.Add(ImageIdArgument.Validate);
        ImageIdArgument.AddCompletions(_images.CompletionSources, store => store.ListKept(), global);
        Arguments.Add(_images);
    }

    protected override int Run(CommandContext context)
    {
        using var store = context.OpenExisting();
        var written = context.Get(_images).Distinct().ToList();
        var unkept = written.Where(store.Unkeep).ToList();
        if (context.Json)
            context.WriteJson(new JsonKept(store.ListKept()), JsonOutput.Default.JsonKept);
        else
            unkept.ForEach(context.WriteLine);
        foreach (var image in written.Except(unkept))
            context.WriteError($"'{image}' is not kept. To list what is kept, run 'imagegc keep'.");
        return unkept.Count == written.Count ? ExitCode.Done : ExitCode.Failed;
    }
}
