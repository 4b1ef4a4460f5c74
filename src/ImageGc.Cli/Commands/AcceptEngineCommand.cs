using ImageGc.Cli.Execution;
using ImageGc.Cli.Hosting;
using ImageGc.Cli.Input;
using ImageGc.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace ImageGc.Cli.Commands;

internal sealed class AcceptEngineCommand : EngineCommand
{
    public AcceptEngineCommand(GlobalOptions global)
        : base(
            global, "accept-engine",
            "Let 'imagegc run' go on after Docker, or its store of images, was replaced on purpose.",
            "imagegc accept-engine",
            "imagegc accept-engine --config /etc/imagegc.json") =>
        Daemon.AddEngineTo(this);

    protected override IHost Build(CommandContext context) => DaemonHost.Build(context, Daemon.Read(context));

    protected override int Run(CommandContext context, IHost host) => RunOnce(async cancel =>
    {
        var collector = host.Services.GetRequiredService<IImageGarbageCollector>();
        context.WriteLine(await collector.AcceptEngineAsync(cancel));
        context.WriteInfo("This is the engine to clean up now. Tracked images that it does not have are forgotten "
            + "once cleanups on two days have missed them.");
    }, context);
}
