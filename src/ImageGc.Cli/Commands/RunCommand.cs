using System.CommandLine;
using ImageGc.Cli.Hosting;
using ImageGc.Cli.Output;
using ImageGc.Docker;
using ImageGc.Sqlite;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace ImageGc.Cli.Commands;

internal sealed class RunCommand : ToolCommand
{
    private readonly DaemonOptions _options = new();
    private readonly Option<bool> _fullIds = ImageListing.FullIds();

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
            "imagegc run --db /var/lib/imagegc/image_use.db --older-than 3d --keep 'registry/agent:*' --cleanup-time 03:30",
            "imagegc run --config /etc/imagegc.json --dry-run")
    {
        _options.AddTo(this);
        Options.Add(_once);
        Options.Add(_dryRun);
        Options.Add(_fullIds);
    }

    protected override int Run(Invocation invocation)
    {
        using var host = Daemon.Build(invocation, _options.Read(invocation));
        try
        {
            if (invocation.Get(_dryRun))
                ExplainAsync(invocation, host.Services).GetAwaiter().GetResult();
            else if (invocation.Get(_once))
                CollectAsync(invocation, host.Services).GetAwaiter().GetResult();
            else
                host.Run();
            return ExitCode.Done;
        }
        catch (OptionsValidationException exception)
        {
            throw new CommandFailedException(exception.Message);
        }
        catch (Exception exception) when (exception is not (CommandFailedException or ImageUseStoreException))
        {
            throw new CommandFailedException($"The engine did not do its part: {exception.Message}");
        }
    }

    private async Task ExplainAsync(Invocation invocation, IServiceProvider services)
    {
        var options = services.GetRequiredService<IOptions<ImageGarbageCollectionOptions>>().Value;
        if (!Path.Exists(options.DatabasePath))
            throw new CommandFailedException($"There is no database '{Path.GetFullPath(options.DatabasePath)}' yet, so nothing would be removed.");
        var keep = await services.GetRequiredService<Cleanup>().ListToKeepAsync(CancellationToken.None);
        var verdicts = services.GetRequiredService<ImageUseStore>().ExplainPrune(keep, options.ImageAgeCleanupThreshold).ExpiredFirst();
        if (invocation.Json)
            invocation.WriteJson(verdicts.Select(JsonVerdict.Of), JsonOutput.Default.IEnumerableJsonVerdict);
        else if (verdicts.Count > 0)
            invocation.Write(new ImageListing(invocation.Shell.Time.GetUtcNow(), invocation.Get(_fullIds)).Of(verdicts));
        invocation.Tell($"Dry run, nothing was changed: {verdicts.Count(verdict => verdict.Verdict == Verdict.Expired)} of {verdicts.Count} tracked images would be removed.");
    }

    private static async Task CollectAsync(Invocation invocation, IServiceProvider services)
    {
        var options = services.GetRequiredService<IOptions<ImageGarbageCollectionOptions>>().Value;
        if (options.WatchContainers)
            await services.GetRequiredService<Tracking>().ReconcileAsync(CancellationToken.None);
        if (options.Enabled)
        {
            await services.GetRequiredService<Cleanup>().RunAsync(CancellationToken.None);
            if (options.HighThresholdPercent is not null)
                await services.GetRequiredService<DiskPressureWorker>().RelieveAsync(CancellationToken.None);
        }

        var images = services.GetRequiredService<ImageUseStore>().Count();
        invocation.Tell($"Done; {images} images are tracked in {options.DatabasePath}.");
    }
}
