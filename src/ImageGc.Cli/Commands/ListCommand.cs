using System.CommandLine;
using ImageGc.Cli.Execution;
using ImageGc.Cli.Input;
using ImageGc.Cli.Output;

namespace ImageGc.Cli.Commands;

internal sealed class ListCommand : CommandBase
{
    private readonly Option<bool> _fullIds = ImageTable.FullIdsOption();

    public ListCommand(GlobalOptions global)
        : base(
            global, "list", "List the tracked images, oldest use first.",
            "imagegc list",
            "imagegc list --json | jq -r '.[].imageId'") => Options.Add(_fullIds);

    protected override int Run(CommandContext context)
    {
        using var store = context.OpenReadOnly();
        var images = store.List();
        if (context.Json)
            context.WriteJson(images.Select(JsonImage.Of), JsonOutput.Default.IEnumerableJsonImage);
        else if (images.Count > 0)
            context.WriteTable(new ImageTable(context.Environment.Time.GetUtcNow(), context.Get(_fullIds)).Of(images));
        else
            context.WriteInfo("No image is tracked.");
        return ExitCode.Done;
    }
}
