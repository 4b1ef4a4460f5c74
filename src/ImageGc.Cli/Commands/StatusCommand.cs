using ImageGc.Cli.Execution;
using ImageGc.Cli.Hosting;
using ImageGc.Cli.Input;
using ImageGc.Cli.Output;
using ImageGc.Hosting;
using ImageGc.Sqlite;
using Microsoft.Extensions.DependencyInjection;

namespace ImageGc.Cli.Commands;

internal sealed class StatusCommand : EngineCommand
{
    public StatusCommand(GlobalOptions global)
        : base(
            global, "status",
            "Show whether the daemon is running and healthy, its last and next cleanup, its settings, the images and "
            + "the disk. The exit code is 0 only if everything is all right.",
            "imagegc status",
            "imagegc status > /dev/null || echo 'imagegc has a problem'",
            "imagegc status --json",
            "",
            "# To check the database file itself, run 'imagegc check'.") => Daemon.AddEngineTo(this);

    protected override int Run(CommandContext context)
    {
        var settings = Daemon.ReadOfDaemon(context);
        context.RequireDatabase();
        return AskEngine(context, settings, async (services, cancel) =>
        {
            var store = services.GetRequiredService<ImageUseStore>();
            var images = await AskAsync(services, cancel);
            var status = new DeviceStatus(
                DaemonState.Read(store), store.LastPrune(), store.ListFailedRemovals(), images, store.Count(), settings,
                OptionsOf(services), context.Environment.Time.GetUtcNow());
            if (context.Json)
                context.WriteJson(JsonStatus.Of(status, store.DatabasePath), JsonOutput.Default.JsonStatus);
            else
                context.WriteTable(StatusTable.Of(status, store.DatabasePath));
            return status.Faults.Count == 0 ? ExitCode.Done : ExitCode.Failed;
        }, readOnly: true);
    }

    /// <summary>Queries the engine. Its failure is an answer too, because the status has more to show.</summary>
    private static async Task<EngineAnswer> AskAsync(IServiceProvider services, CancellationToken cancellationToken)
    {
        var engine = services.GetRequiredService<IContainerEngine>();
        var collector = services.GetRequiredService<IImageGarbageCollector>();
        try
        {
            var images = (await engine.ListImagesAsync(cancellationToken)).DistinctBy(image => image.ImageId).ToList();
            var verdicts = (await collector.PreviewAsync(cancellationToken)).Select(ImageVerdict.Of).ToList();
            return new EngineAnswer($"{engine}", Failure: null)
            {
                ImageBytes = images.Sum(image => image.SizeBytes ?? 0),
                Untracked = images.Select(image => image.ImageId)
                    .Except(verdicts.Select(verdict => verdict.Image.ImageId)).Count(),
                Disk = await MeasureAsync(services, cancellationToken),
                Verdicts = verdicts,
            };
        }
        catch (Exception exception) when (exception
            is IOException or EngineRequestFailedException or EngineChangedException or TimeoutException
            or NotSupportedException)
        {
            return new EngineAnswer($"{engine}", exception.Message);
        }
    }

    /// <returns>Null if the disk cannot be measured: a daemon that needs it reports the problem.</returns>
    private static async Task<DiskUsage?> MeasureAsync(IServiceProvider services, CancellationToken cancellationToken)
    {
        try
        {
            return OptionsOf(services).ImageDirectory is { } directory
                ? DiskUsage.OfDirectory(directory)
                : await services.GetRequiredService<IContainerEngine>().MeasureDiskAsync(cancellationToken);
        }
        catch (Exception exception) when (exception
            is IOException or EngineRequestFailedException or NotSupportedException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
