using System.CommandLine;
using ImageGc.Cli.Output;

namespace ImageGc.Cli.Commands;

internal sealed class ListCommand : ToolCommand
{
    private readonly Option<bool> _fullIds = ImageListing.FullIds();

    public ListCommand(GlobalOptions global)
        : base(
            global, "list", "List the tracked images, oldest use first.",
            "imagegc list",
            "imagegc list --json | jq -r '.[].imageId'") => Options.Add(_fullIds);

    protected override int Run(Invocation invocation)
    {
        using var store = invocation.OpenReadOnly();
        var images = store.List();
        if (invocation.Json)
            invocation.WriteJson(images.Select(JsonImage.Of), JsonOutput.Default.IEnumerableJsonImage);
        else if (images.Count > 0)
            invocation.Write(new ImageListing(invocation.Shell.Time.GetUtcNow(), invocation.Get(_fullIds)).Of(images));
        else
            invocation.Tell("No image is tracked.");
        return ExitCode.Done;
    }
}
