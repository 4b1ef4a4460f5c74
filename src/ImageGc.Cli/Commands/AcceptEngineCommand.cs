using ImageGc.Cli.Execution;
using ImageGc.Cli.Input;
using ImageGc.Cli.Output;
using ImageGc.Hosting;
using Microsoft.Extensions.DependencyInjection;

namespace ImageGc.Cli.Commands;

internal sealed class AcceptEngineCommand : EngineCommand
{
    public AcceptEngineCommand(GlobalOptions global)
        : base(
            global, "accept-engine",
            "Accept the current engine after you replaced Docker or its image store. Until then the daemon removes no "
            + "images.",
            "imagegc accept-engine",
            "imagegc accept-engine --config /etc/imagegc.json") =>
        Daemon.AddEngineTo(this);

    protected override int Run(CommandContext context) =>
        AskEngine(context, Daemon.ReadOfDaemon(context), async (services, cancel) =>
        {
            var engine = await services.GetRequiredService<IImageGarbageCollector>().AcceptEngineAsync(cancel);
            if (context.Json)
                context.WriteJson(new JsonEngine(engine), JsonOutput.Default.JsonEngine);
            else
                context.WriteLine(engine);
            context.WriteInfo("Accepted this engine: cleanups remove images from it. Tracked images that it does not "
                + "have are forgotten by later cleanups.");
            return ExitCode.Done;
        });
}
