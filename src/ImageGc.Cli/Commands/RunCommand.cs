using System.CommandLine;
using ImageGc.Cli.Hosting;
using ImageGc.Cli.Input;
using ImageGc.Cli.Output;
using ImageGc.Cli.Pruning;
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
            "imagegc run --older-than 3d --keep 'registry/agent:*' --cleanup-time 03:30",
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
            var options = host.Services.GetRequiredService<IOptions<ImageGarbageCollectionOptions>>().Value;
            if (invocation.Get(_dryRun))
                return RunOnce(cancel => ExplainAsync(invocation, options, host.Services, cancel), invocation);
            if (invocation.Get(_once))
                return RunOnce(cancel => CollectAsync(invocation, options, host.Services, cancel), invocation);
            host.Run();
            return ExitCode.Done;
        }
        catch (OptionsValidationException invalid)
        {
            var failures = invalid.Failures.Select(failure => _options.NameFlag(failure, invocation)).ToList();
            if (!failures.Exists(failure => failure.StartsWith('-')))
                throw new CommandFailedException(string.Join("; ", failures));
            invocation.Complain(string.Join("; ", failures));
            invocation.Error.WriteLine(CommandLine.SeeHelp(this));
            return ExitCode.Usage;
        }
        catch (Exception exception) when (exception
            is EngineRequestFailedException or TimeoutException or InvalidDataException or NotSupportedException)
        {
            // An engine that is away is an IOException, and anything else a bug.
            throw new CommandFailedException(exception.Message);
        }
    }

    private static int RunOnce(Func<CancellationToken, Task> work, Invocation invocation)
    {
        using var interruption = new Interruption(() =>
            invocation.Complain("Stopping; a second signal stops at once."));
        try
        {
            work(interruption.Token).GetAwaiter().GetResult();
            return ExitCode.Done;
        }
        catch (OperationCanceledException) when (interruption.Token.IsCancellationRequested)
        {
            return ExitCode.Interrupted;
        }
    }

    private async Task ExplainAsync(
        Invocation invocation, ImageGarbageCollectionOptions options, IServiceProvider services,
        CancellationToken cancellationToken)
    {
        if (!FilePath.IsThere(options.DatabasePath))
        {
            invocation.Write([], invocation.Get(_fullIds));
            invocation.Tell(
                $"There is no database '{Path.GetFullPath(options.DatabasePath)}' yet, so nothing would be removed.");
            return;
        }

        var keep = await services.GetRequiredService<Cleanup>().ListToKeepAsync(cancellationToken);
        using var store = invocation.OpenReadOnly(options.DatabasePath);
        var verdicts = ImageVerdict.ExpiredFirst(store.ExplainPrune(keep, options.ImageAgeCleanupThreshold));
        invocation.Write(verdicts, invocation.Get(_fullIds));
        var expired = verdicts.Count(verdict => verdict.Verdict == Verdict.Expired);
        var tracked = Counted.Of(verdicts.Count, "tracked image");
        invocation.Tell($"Dry run, nothing was changed: {expired} of {tracked} would be removed.");
    }

    private static async Task CollectAsync(
        Invocation invocation, ImageGarbageCollectionOptions options, IServiceProvider services,
        CancellationToken cancellationToken)
    {
        if (options.WatchContainers)
        {
            await services.GetRequiredService<Tracking>().ReconcileAsync(cancellationToken);
            await services.GetRequiredService<Cleanup>().ForgetVanishedAsync(cancellationToken);
        }

        if (options.Enabled)
        {
            await services.GetRequiredService<Cleanup>().RunAsync(cancellationToken);
            if (options.HighThresholdPercent is not null)
                await services.GetRequiredService<DiskPressureWorker>().RelieveAsync(cancellationToken);
        }

        var images = services.GetRequiredService<ImageUseStore>().Count();
        var are = images == 1 ? "image is" : "images are";
        invocation.Tell($"Done; {images} {are} tracked in {options.DatabasePath}.");
    }
}
