using System.CommandLine;
using ImageGc.Cli.Execution;
using ImageGc.Cli.Hosting;
using ImageGc.Cli.Input;
using ImageGc.Cli.Output;
using ImageGc.Hosting;
using ImageGc.Sqlite;
using Microsoft.Extensions.DependencyInjection;

namespace ImageGc.Cli.Commands;

internal sealed class ExplainCommand : EngineCommand
{
    private readonly Argument<string?> _image;
    private readonly InUseOptions _inUse = new();
    private readonly Option<bool> _fullIds = ImageTable.FullIdsOption();

    public ExplainCommand(GlobalOptions global)
        : base(
            global, "explain",
            "Show whether and when each tracked image can be removed, and why. Asks the engine which images are in use "
            + "and applies the settings of the daemon, unless you list the images in use.",
            "imagegc explain",
            "imagegc explain registry/app:1.4",
            "imagegc explain --older-than 3d        # with another threshold",
            "",
            "# Without asking the engine, as a runtime does: list the images in use.",
            "docker ps --all --quiet | xargs docker inspect --format '{{.Image}}' |",
            "    imagegc explain --in-use-file - --older-than 24h | grep -c ^expired")
    {
        _image = ImageIdArgument.CreateFilter(ImageIdCompletions.TrackedOrNamed, global);
        Arguments.Add(_image);
        _inUse.AddTo(this, global, isRequired: false);
        Daemon.AddEngineTo(this);
        Options.Add(_fullIds);
    }

    protected override int Run(CommandContext context)
    {
        if (_inUse.IsGiven(context))
            return ExplainList(context);
        var settings = Daemon.ReadOfDaemon(context, flags: _inUse.GivenThreshold(context) is { } threshold
            ? [DaemonOptions.Setting(
                nameof(ImageGarbageCollectionOptions.ImageAgeCleanupThreshold), DurationText.Format(threshold))]
            : []);
        context.RequireDatabase();
        return AskEngine(context, settings, async (services, cancel) =>
        {
            var verdicts = ImageVerdict.ExpiredFirst(
                await services.GetRequiredService<IImageGarbageCollector>().PreviewAsync(cancel));
            Write(Matching(verdicts, context), context);
            context.WriteInfo(settings.Describe(OptionsOf(services)));
            return ExitCode.Done;
        }, readOnly: true);
    }

    private int ExplainList(CommandContext context)
    {
        context.ClockSettleTime = TimeSpan.Zero;
        var ids = _inUse.Read(context);
        using var store = context.OpenReadOnly();
        var verdicts = ImageVerdict.ExpiredFirst(store.ExplainPrune(
            ids, new PruneOptions { Threshold = _inUse.ThresholdOf(context) }));
        Write(Matching(verdicts, context), context);
        context.WriteInfo(InUseSummary.Describe(ids, verdicts));
        return ExitCode.Done;
    }

    /// <exception cref="CommandFailedException">The image on the command line is not tracked.</exception>
    private List<ImageVerdict> Matching(List<ImageVerdict> verdicts, CommandContext context)
    {
        if (context.GetOptional(_image) is not { } written)
            return verdicts;
        var matching = KnownImages.Matching(written, verdicts, verdict => verdict.Image);
        return matching.Count > 0 ? matching : throw new CommandFailedException(
            $"'{written}' is not tracked, so it is never removed. "
            + new KnownImages([.. verdicts.Select(verdict => verdict.Image)]).Hint(written));
    }

    private void Write(List<ImageVerdict> verdicts, CommandContext context)
    {
        context.WriteVerdicts(verdicts, context.Get(_fullIds));
        if (context.GetOptional(_image) is not null)
            return;
        context.WriteInfo(verdicts.Count == 0
            ? "No image is tracked."
            : $"{verdicts.Count(verdict => verdict.Verdict == Verdict.Expired)} of "
                + $"{Quantity.Of(verdicts.Count, "tracked image")} can be removed now{Quantity.WouldFree(verdicts)}.");
    }
}
