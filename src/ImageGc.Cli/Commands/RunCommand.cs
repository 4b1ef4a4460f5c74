using System.CommandLine;
using ImageGc.Cli.Execution;
using ImageGc.Cli.Hosting;
using ImageGc.Cli.Input;
using ImageGc.Cli.Output;
using ImageGc.Cli.Terminal;
using ImageGc.Hosting;
using ImageGc.Sqlite;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace ImageGc.Cli.Commands;

internal sealed class RunCommand : CommandBase
{
    private readonly DaemonOptions _options = new();
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
            "imagegc run --older-than 3d --keep 'registry/agent:*' --cleanup-time 03:30",
            "imagegc run --config /etc/imagegc.json --dry-run")
    {
        _options.AddTo(this);
        Options.Add(_once);
        Options.Add(_dryRun);
        Options.Add(_fullIds);
    }

    protected override int Run(CommandContext context)
    {
        var dryRun = context.Get(_dryRun);
        using var host = DaemonHost.Build(
            context, _options.Read(context), dryRun ? services => OpenReadOnly(context, OptionsOf(services)) : null);
        try
        {
            var options = OptionsOf(host.Services);
            var collector = host.Services.GetRequiredService<IImageGarbageCollector>();
            if (dryRun)
                return RunOnce(cancel => PreviewAsync(context, options, collector, cancel), context);
            if (context.Get(_once))
                return RunOnce(cancel => CollectAsync(context, options, host.Services, cancel), context);
            host.Run();
            return ExitCode.Done;
        }
        catch (OptionsValidationException invalid)
        {
            var failures = invalid.Failures.Select(failure => _options.UseFlagName(failure, context)).ToList();
            if (!failures.Exists(failure => failure.StartsWith('-')))
                throw new CommandFailedException(string.Join("; ", failures));
            context.WriteError(string.Join("; ", failures));
            context.Error.WriteLine(CommandLine.HelpHint(this));
            return ExitCode.Usage;
        }
        catch (Exception exception) when (exception
            is EngineRequestFailedException or TimeoutException or InvalidDataException or NotSupportedException)
        {
            // An engine that is away is an IOException, and anything else a bug.
            throw new CommandFailedException(exception.Message);
        }
    }

    private static int RunOnce(Func<CancellationToken, Task> work, CommandContext context)
    {
        using var termination = new TerminationSignal(() =>
            context.WriteError("Stopping; a second signal stops at once."));
        try
        {
            work(termination.Token).GetAwaiter().GetResult();
            return ExitCode.Done;
        }
        catch (OperationCanceledException) when (termination.Token.IsCancellationRequested)
        {
            return ExitCode.Interrupted;
        }
    }

    private static ImageGarbageCollectionOptions OptionsOf(IServiceProvider services) =>
        services.GetRequiredService<IOptions<ImageGarbageCollectionOptions>>().Value;

    private static ImageUseStore OpenReadOnly(CommandContext context, ImageGarbageCollectionOptions options)
    {
        context.ClockSettleTime = options.ClockSettleTime;
        return context.OpenReadOnly(options.DatabasePath);
    }

    private async Task PreviewAsync(
        CommandContext context, ImageGarbageCollectionOptions options, IImageGarbageCollector collector,
        CancellationToken cancellationToken)
    {
        if (!FilePath.Exists(options.DatabasePath))
        {
            context.WriteVerdicts([], context.Get(_fullIds));
            context.WriteInfo(
                $"There is no database '{Path.GetFullPath(options.DatabasePath)}' yet, so nothing would be removed.");
            return;
        }

        var verdicts = ImageVerdict.ExpiredFirst(await collector.PreviewAsync(cancellationToken));
        context.WriteVerdicts(verdicts, context.Get(_fullIds));
        var expired = verdicts.Count(verdict => verdict.Verdict == Verdict.Expired);
        var tracked = Quantity.Of(verdicts.Count, "tracked image");
        context.WriteInfo($"Dry run, nothing was changed: {expired} of {tracked} would be removed.");
    }

    private static async Task CollectAsync(
        CommandContext context, ImageGarbageCollectionOptions options, IServiceProvider services,
        CancellationToken cancellationToken)
    {
        await services.GetRequiredService<IImageGarbageCollector>().RunAsync(cancellationToken);
        var images = services.GetRequiredService<ImageUseStore>().Count();
        var are = images == 1 ? "image is" : "images are";
        context.WriteInfo($"Done; {images} {are} tracked in {options.DatabasePath}.");
    }
}
