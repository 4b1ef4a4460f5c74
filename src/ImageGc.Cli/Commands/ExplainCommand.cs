using System.CommandLine;
using ImageGc.Cli.Execution;
using ImageGc.Cli.Input;
using ImageGc.Cli.Output;
using ImageGc.Sqlite;

namespace ImageGc.Cli.Commands;

internal sealed class ExplainCommand : CommandBase
{
    private readonly InUseOptions _inUse = new();
    private readonly Option<bool> _fullIds = ImageTable.FullIdsOption();

    public ExplainCommand(GlobalOptions global)
        : base(
            global, "explain", "Show for every tracked image whether a prune would remove it, why, and from when on.",
            "imagegc explain --in-use-file in_use.txt",
            "",
            "# How many images would a prune remove that keeps a day only?",
            "docker ps --all --quiet | xargs docker inspect --format '{{.Image}}' |",
            "    imagegc explain --in-use-file - --older-than 24h | grep -c ^expired")
    {
        _inUse.AddTo(this, global);
        Options.Add(_fullIds);
    }

    protected override int Run(CommandContext context)
    {
        context.ClockSettleTime = TimeSpan.Zero;
        var ids = _inUse.Read(context);
        using var store = context.OpenReadOnly();
        var verdicts = ImageVerdict.ExpiredFirst(store.ExplainPrune(
            ids, new PruneOptions { Threshold = _inUse.ThresholdOf(context) }));
        context.WriteVerdicts(verdicts, context.Get(_fullIds));
        if (verdicts.Count == 0)
            context.WriteInfo("No image is tracked.");
        context.WriteInfo(InUseSummary.Describe(ids, verdicts));
        return ExitCode.Done;
    }
}
