using System.CommandLine;
using ImageGc.Cli.Execution;
using ImageGc.Cli.Input;
using ImageGc.Cli.Output;
using ImageGc.Hosting;
using Microsoft.Extensions.DependencyInjection;

namespace ImageGc.Cli.Commands;

internal sealed class ListCommand : EngineCommand
{
    private readonly Option<bool> _fullIds = ImageTable.FullIdsOption();

    private readonly Option<bool> _untracked = new("--untracked")
    {
        Description = "List the images that are not tracked, and why. They are never removed.",
    };

    public ListCommand(GlobalOptions global)
        : base(
            global, "list", "List the tracked images, least recently used first.",
            "imagegc list",
            "imagegc list --untracked",
            "imagegc list --json | jq -r '.[].imageId'")
    {
        Options.Add(_untracked);
        Daemon.AddEngineTo(this);
        Options.Add(_fullIds);
    }

    protected override int Run(CommandContext context)
    {
        if (context.Get(_untracked))
            return ListUntracked(context);
        using var store = context.OpenReadOnly();
        var images = store.List();
        if (context.Json)
            context.WriteJson(images.Select(JsonImage.Of), JsonOutput.Default.IEnumerableJsonImage);
        else if (images.Count > 0)
            context.WriteTable(new ImageTable(context.Environment.Time.GetUtcNow(), context.Get(_fullIds)).Of(images));
        if (images.Count == 0)
            context.WriteInfo($"No image is tracked in {store.DatabasePath}.");
        else if (context.Environment.TerminalWidth is not null)
            context.WriteInfo(
                $"{Quantity.Images(images.Count)}{Quantity.InAll(images)} tracked in {store.DatabasePath}.");
        return ExitCode.Done;
    }

    private int ListUntracked(CommandContext context)
    {
        var settings = Daemon.ReadOfDaemon(context);
        context.RequireDatabase();
        return AskEngine(context, settings, async (services, cancel) =>
        {
            var images = await services.GetRequiredService<IImageGarbageCollector>().ListUntrackedAsync(cancel);
            if (context.Json)
                context.WriteJson(images.Select(JsonUntracked.Of), JsonOutput.Default.IEnumerableJsonUntracked);
            else if (images.Count > 0)
                context.WriteTable(ImageTable.Of(images, context.Get(_fullIds)));
            context.WriteInfo(images.Count == 0
                ? "Every image of the engine is tracked."
                : $"Not tracked, so never removed: {Quantity.Images(images.Count)}. To track one, run "
                    + "'imagegc adopt NAME'. To track all, run 'imagegc adopt --all'.");
            return ExitCode.Done;
        }, readOnly: true);
    }
}
