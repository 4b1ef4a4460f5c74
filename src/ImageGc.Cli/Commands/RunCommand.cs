using System.CommandLine;
using ImageGc.Cli.Execution;
using ImageGc.Cli.Hosting;
using ImageGc.Cli.Input;
using ImageGc.Cli.Output;
using ImageGc.Hosting;
using ImageGc.Sqlite;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace ImageGc.Cli.Commands;

internal sealed partial class RunCommand : EngineCommand
{
    private readonly Option<bool> _fullIds = ImageTable.FullIdsOption();

    private readonly Option<bool> _once = new("--once")
    {
        Description =
            "For cron: record the images in use, remove expired images, and exit. A running daemon does it instead.",
    };

    private readonly Option<bool> _dryRun = new("--dry-run")
    {
        Description = "Show what would be removed now. Changes nothing.",
    };

    private readonly Option<string> _logFormat = new("--log-format")
    {
        Description = "Format of the log: simple, json, or systemd (with priorities). "
            + "[default: systemd under systemd, otherwise simple]",
        HelpName = "FORMAT",
    };

    private readonly Option<string> _metricsFile = new("--metrics-file")
    {
        Description = "Write metrics to this file every minute, for node_exporter's textfile collector. [default: off]",
        HelpName = "FILE",
    };

    public RunCommand(GlobalOptions global)
        : base(
            global, "run",
            "Run the daemon: watch Docker or Podman, record which images containers use, and remove expired images on "
            + "schedule.",
            "imagegc run",
            "imagegc run --older-than 3d --keep 'registry/agent:*' --keep-newest 2",
            "imagegc run --high-threshold 85% --low-threshold 75% --min-age 1h",
            "imagegc run --log-format json --metrics-file /run/imagegc/imagegc.prom",
            "imagegc run --dry-run",
            "",
            "# Without a daemon, in root's crontab ('which imagegc' shows the path):",
            "0 3 * * * /usr/local/bin/imagegc run --once",
            "",
            "# /etc/imagegc.json:",
            "{ \"ImageGarbageCollection\": {",
            "    \"DatabasePath\": \"/var/lib/imagegc/image_use.db\",",
            "    \"ImageAgeCleanupThreshold\": \"3d\", \"CleanupTime\": \"03:30\",",
            "    \"KeepImages\": [\"registry/agent:*\"], \"HighThreshold\": \"85%\"",
            "} }")
    {
        Daemon.AddTo(this);
        Options.Add(_once);
        Options.Add(_dryRun);
        Options.Add(_fullIds);
        _logFormat.CompletionSources.Add(DaemonHost.LogFormats);
        _logFormat.Validators.Add(given =>
        {
            if (given.Tokens is [{ Value: var format }] && !DaemonHost.LogFormats.Contains(format))
                given.AddError($"--log-format is '{format}': {DaemonHost.AcceptedLogFormats}.");
        });
        Options.Add(_logFormat);
        _metricsFile.Validators.Add(FilePath.RejectEmpty);
        _metricsFile.Validators.Add(given =>
        {
            if (given.Tokens is [{ Value: { Length: > 0 } file }] && !MetricsFile.IsAccepted(file))
                given.AddError($"--metrics-file is '{file}': {MetricsFile.AcceptedForms}.");
            if (given.GetValue(_once) || given.GetValue(_dryRun))
                given.AddError("--metrics-file is for the daemon. Leave it out, or --once and --dry-run.");
        });
        Options.Add(_metricsFile);
    }

    protected override int Run(CommandContext context)
    {
        if (context.Get(_dryRun))
        {
            var settings = Daemon.ReadOfDaemon(context, orLast: false); // A run does not use them either.
            return AskEngine(
                context, settings, (services, cancel) => PreviewAsync(context, settings, services, cancel),
                readOnly: true);
        }

        if (context.Get(_once))
            return RunOnce(context, Daemon.Read(context, Reporting(context)));
        if (context.Json)
            return WriteUsage(context, "'imagegc run' has no JSON output. For a JSON log use --log-format json.");
        return WithHost(context, Daemon.Read(context, Reporting(context)), host =>
        {
            WarnOfUnknownZone(context, host);
            Open(host);
            host.Run();
            return Environment.ExitCode == 0 ? ExitCode.Done : ExitCode.Failed; // The host sets it if it has to stop.
        });
    }

    private KeyValuePair<string, string?>[] Reporting(CommandContext context)
    {
        List<KeyValuePair<string, string?>> given = [];
        if (context.Get(_logFormat) is { } format)
            given.Add(DaemonHost.LogFormat(format));
        if (context.Get(_metricsFile) is { } file)
            given.Add(new(MetricsFile.Setting, file));
        return [.. given];
    }

    /// <summary>Warns if .NET does not know the time zone, because it then uses UTC without a message.</summary>
    private static void WarnOfUnknownZone(CommandContext context, IHost host)
    {
        // tzset(3): the name may begin with a colon, and may be that of a file.
        if (context.Environment.GetVariable("TZ")?.TrimStart(':') is { Length: > 0 } zone
            && !TimeZoneInfo.TryFindSystemTimeZoneById(zone, out _) && !File.Exists(zone))
            UnknownZone(host.Services.GetRequiredService<ILogger<RunCommand>>(), zone);
    }

    [LoggerMessage(202, LogLevel.Warning,
        "TZ is '{Zone}', which is not a time zone of this system, so CleanupTime is in UTC. Set it to a name such as "
        + "Europe/Berlin, or install tzdata")]
    private static partial void UnknownZone(ILogger logger, string zone);

    /// <summary>
    /// Opens the database. A failure that only a person can fix ends the start. After others the host tries again.
    /// </summary>
    private static void Open(IHost host)
    {
        try
        {
            // The engine comes first, so that invalid settings create no database.
            _ = host.Services.GetRequiredService<IContainerEngine>();
            _ = host.Services.GetRequiredService<ImageUseStore>();
        }
        catch (ImageUseStoreException passing) when (passing.Reason
            is StoreErrorReason.Busy or StoreErrorReason.Full or StoreErrorReason.ReadOnly or StoreErrorReason.IoError)
        {
            // The host logs this at the first cleanup or use.
        }
    }

    private async Task<int> PreviewAsync(
        CommandContext context, DaemonSettings settings, IServiceProvider services, CancellationToken cancellationToken)
    {
        var options = OptionsOf(services);
        if (!FilePath.Exists(options.DatabasePath))
        {
            context.WriteVerdicts([], context.Get(_fullIds));
            context.WriteInfo(
                $"The database '{Path.GetFullPath(options.DatabasePath)}' does not exist yet, so no image would be "
                + "removed.");
            return ExitCode.Done;
        }

        var collector = services.GetRequiredService<IImageGarbageCollector>();
        var verdicts = ImageVerdict.ExpiredFirst(await collector.PreviewAsync(cancellationToken));
        context.WriteVerdicts(verdicts, context.Get(_fullIds));
        var expired = verdicts.Count(verdict => verdict.Verdict == Verdict.Expired);
        var tracked = Quantity.Of(verdicts.Count, "tracked image");
        context.WriteInfo(
            $"Dry run, nothing was changed: {expired} of {tracked} would be removed{Quantity.WouldFree(verdicts)}.");
        context.WriteInfo(settings.Describe(options));
        return ExitCode.Done;
    }

    /// <summary>
    /// Cleans up. If a daemon is running, has the daemon do it, because the daemon holds the lock for removing images.
    /// </summary>
    private int RunOnce(CommandContext context, DaemonSettings settings)
    {
        if (DaemonState.Read(context) is { CleansUp: true, Host: { } daemon })
        {
            if (Daemon.DifferFrom(context, daemon))
                throw new CommandFailedException(
                    "A daemon uses this database with other settings. To clean up now with its settings, run "
                    + "'imagegc run --once' without yours. To use yours, stop the daemon first.");
            return UntilSignal(context, cancel => RequestCleanupAsync(context, cancel));
        }

        return AskEngine(context, settings, (services, cancel) => CollectAsync(context, services, cancel));
    }

    /// <remarks>
    /// If the daemon ends, this command does not clean up in its place, because it does not know the daemon's settings.
    /// </remarks>
    private async Task<int> RequestCleanupAsync(CommandContext context, CancellationToken cancellationToken)
    {
        using var store = context.OpenOrCreate();
        var lastPrune = store.LastPrune(PruneKind.Manual)?.PrunedAt;
        // The history does not say which run removed an image, so what it lists before the request is excluded.
        var before = store.ListRemoved().Select(removed => (removed.Image, removed.RemovedAt)).ToHashSet();
        context.WriteProgress("The daemon is cleaning up with its own settings...");
        CleanupResult? result;
        try
        {
            result = await CleanupRequest.SendAsync(store, context.Environment.Time, cancellationToken);
        }
        catch (OperationCanceledException)
        {
            context.WriteError("The daemon continues the cleanup. To see what it removes, run 'imagegc history'.");
            throw;
        }

        var run = store.LastPrune(PruneKind.Manual);
        List<ImageVerdict> outcomes =
        [
            .. store.ListRemoved()
                .Where(removed => removed.Kind != PruneKind.Gone)
                .Where(removed => !before.Contains((removed.Image, removed.RemovedAt)))
                .Select(ImageVerdict.Of),
        ];
        if (run is { Failed: > 0 } && run.PrunedAt != lastPrune)
            outcomes.AddRange(store.ListFailedRemovals().Select(image => ImageVerdict.Failed(image, run.Threshold)));
        Write(outcomes, () => store, context);
        if (result is null)
            throw new CommandFailedException(
                "The daemon ended before the cleanup was done. To see what it removed, run 'imagegc history'. Then "
                + "start the daemon again. Without a daemon, 'imagegc run --once' uses its own settings.");
        if (outcomes.Exists(image => image.Verdict == Verdict.Failed))
            context.WriteInfo(
                "The log of the daemon says why removals failed. With systemd, run 'journalctl --unit imagegc'.");
        if (result.Failure is not null)
            throw new CommandFailedException(result.Failure);
        return ExitCodeOf(outcomes);
    }

    private async Task<int> CollectAsync(
        CommandContext context, IServiceProvider services, CancellationToken cancellationToken)
    {
        var options = OptionsOf(services);
        var outcomes = new RunOutcomes(options.ImageAgeCleanupThreshold);
        try
        {
            await services.GetRequiredService<IImageGarbageCollector>().RunAsync(outcomes, cancellationToken);
        }
        catch when (outcomes.Verdicts.Count == 0 && !context.Json)
        {
            throw; // The run has no outcome to print.
        }
        catch
        {
            Write(outcomes.Verdicts, services.GetRequiredService<ImageUseStore>, context); // Done before it failed.
            throw;
        }

        Write(outcomes.Verdicts, services.GetRequiredService<ImageUseStore>, context);
        if (!options.Enabled)
            context.WriteInfo("Enabled is false, so images in use are recorded and no image is removed.");
        var store = services.GetRequiredService<ImageUseStore>();
        if (store.HasUnrecordedUses)
            context.WriteError("The disk is full, so some images in use could not be recorded as used now. Free some "
                + "space, then run 'imagegc run --once'.");
        return store.ListNotRecorded().Count > 0 || store.HasUnrecordedUses
            ? ExitCode.Failed
            : ExitCodeOf(outcomes.Verdicts);
    }

    private static int ExitCodeOf(IEnumerable<ImageVerdict> outcomes) =>
        outcomes.Any(image => image.Verdict == Verdict.Failed) ? ExitCode.Failed : ExitCode.Done;

    private void Write(IReadOnlyCollection<ImageVerdict> outcomes, Func<ImageUseStore> store, CommandContext context)
    {
        if (context.Json)
            context.WriteJson(
                new JsonPrune(DryRun: false, Import: null, outcomes.Select(JsonVerdict.Of)),
                JsonOutput.Default.JsonPrune);
        else
            context.WriteVerdicts(outcomes, context.Get(_fullIds));
        if (context.Json && outcomes.Count == 0)
            return; // No summary is printed, and the run may have failed because the database cannot be opened.
        var failed = outcomes.Count(image => image.Verdict == Verdict.Failed) is > 0 and var many
            ? $"; {many} could not be removed, and the next run tries again"
            : "";
        // Cron mails everything that is written, so a run without outcomes writes nothing.
        if (outcomes.Count > 0 || context.Environment.ErrorIsTerminal)
            context.WriteInfo(
                $"Removed {Quantity.Images(outcomes.Count(image => image.Verdict == Verdict.Removed))}"
                + $"{Quantity.Freed(outcomes)}{failed}. "
                + $"{Quantity.Images(store().Count())} tracked in {store().DatabasePath}.");
        context.WarnNotRecorded(store().ListNotRecorded().Count);
    }

    /// <summary>The last outcome of each image: after a failed removal it may still be removed to make room.</summary>
    private sealed class RunOutcomes(TimeSpan threshold) : IProgress<PruneOutcome>
    {
        private readonly OrderedDictionary<string, ImageVerdict> _verdicts = new(StringComparer.Ordinal);

        public IReadOnlyCollection<ImageVerdict> Verdicts => [.. _verdicts.Values.OrderBy(verdict => verdict.Verdict)];

        public void Report(PruneOutcome outcome) =>
            _verdicts[outcome.Image.ImageId] = ImageVerdict.Of(outcome, threshold);
    }
}
