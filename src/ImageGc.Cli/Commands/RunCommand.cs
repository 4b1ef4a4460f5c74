using System.CommandLine;
using ImageGc.Cli.Execution;
using ImageGc.Cli.Hosting;
using ImageGc.Cli.Input;
using ImageGc.Cli.Output;
using ImageGc.Hosting;
using ImageGc.Sqlite;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace ImageGc.Cli.Commands;

internal sealed class RunCommand : EngineCommand
{
    private readonly Option<bool> _fullIds = ImageTable.FullIdsOption();

    private readonly Option<bool> _once = new("--once")
    {
        Description = "Record what is in use, remove what expired, and end: for cron.",
    };

    private readonly Option<bool> _dryRun = new("--dry-run")
    {
        Description = "Only show what would be removed now; change nothing.",
    };

    public RunCommand(GlobalOptions global)
        : base(
            global, "run",
            "Watch Docker: record the images of containers, and remove images from the engine on schedule.",
            "imagegc run --db /var/lib/imagegc/image_use.db",
            "imagegc run --older-than 3d --keep 'registry/agent:*' --keep-newest 2",
            "imagegc run --config /etc/imagegc.json --dry-run")
    {
        Daemon.AddTo(this);
        Options.Add(_once);
        Options.Add(_dryRun);
        Options.Add(_fullIds);
    }

    protected override IHost Build(CommandContext context) => DaemonHost.Build(
        context, Daemon.Read(context),
        context.Get(_dryRun) ? services => OpenReadOnly(context, OptionsOf(services)) : null);

    protected override int Run(CommandContext context, IHost host)
    {
        var options = OptionsOf(host.Services);
        var collector = host.Services.GetRequiredService<IImageGarbageCollector>();
        if (context.Get(_dryRun))
            return RunOnce(cancel => PreviewAsync(context, options, collector, cancel), context);
        if (context.Get(_once))
            return RunOnce(cancel => CollectAsync(context, options, host.Services, cancel), context);
        host.Run();
        return Environment.ExitCode == 0 ? ExitCode.Done : ExitCode.Failed; // What cannot go on has set it.
    }

    private static ImageGarbageCollectionOptions OptionsOf(IServiceProvider services) =>
        services.GetRequiredService<IOptions<ImageGarbageCollectionOptions>>().Value;

    private static ImageUseStore OpenReadOnly(CommandContext context, ImageGarbageCollectionOptions options)
    {
        context.ClockSettleTime = options.ClockSettleTime;
        return context.OpenReadOnly(options.DatabasePath);
    }

    private async Task<int> PreviewAsync(
        CommandContext context, ImageGarbageCollectionOptions options, IImageGarbageCollector collector,
        CancellationToken cancellationToken)
    {
        if (!FilePath.Exists(options.DatabasePath))
        {
            context.WriteVerdicts([], context.Get(_fullIds));
            context.WriteInfo(
                $"There is no database '{Path.GetFullPath(options.DatabasePath)}' yet, so nothing would be removed.");
            return ExitCode.Done;
        }

        var verdicts = ImageVerdict.ExpiredFirst(await collector.PreviewAsync(cancellationToken));
        context.WriteVerdicts(verdicts, context.Get(_fullIds));
        var expired = verdicts.Count(verdict => verdict.Verdict == Verdict.Expired);
        var tracked = Quantity.Of(verdicts.Count, "tracked image");
        context.WriteInfo($"Dry run, nothing was changed: {expired} of {tracked} would be removed.");
        return ExitCode.Done;
    }

    private async Task<int> CollectAsync(
        CommandContext context, ImageGarbageCollectionOptions options, IServiceProvider services,
        CancellationToken cancellationToken)
    {
        var result = await services.GetRequiredService<IImageGarbageCollector>().RunAsync(cancellationToken);
        var verdicts = ImageVerdict.Of(result, options.ImageAgeCleanupThreshold);
        if (context.Json)
            context.WriteJson(
                new JsonPrune(DryRun: false, Import: null, verdicts.Select(JsonVerdict.Of)),
                JsonOutput.Default.JsonPrune);
        else
            context.WriteVerdicts(verdicts, context.Get(_fullIds));
        var store = services.GetRequiredService<ImageUseStore>();
        var failed = result.Failed.Count == 0
            ? ""
            : $"; {result.Failed.Count} failed and will be tried again by the next run";
        context.WriteInfo($"Removed {Quantity.Images(result.Removed.Count)}{failed}. "
            + $"{Quantity.Images(store.Count())} tracked in {store.DatabasePath}.");
        if (!options.Enabled)
            context.WriteInfo("Enabled is false: images are recorded, and none is removed.");
        context.WarnNotRecorded(result.NotRecorded.Count);
        return result.Failed.Count + result.NotRecorded.Count == 0 ? ExitCode.Done : ExitCode.Failed;
    }
}
