using ImageGc.Cli.Execution;
using ImageGc.Cli.Pruning;
using ImageGc.Sqlite;

namespace ImageGc.Cli.Output;

/// <summary>Writes what a prune did, or would do.</summary>
internal sealed class PruneResultWriter(
    CommandContext context, IReadOnlyCollection<string> inUse, FlatFileImport? import, bool fullIds)
{
    public void WriteDryRun(List<ImageVerdict> verdicts, bool removed)
    {
        Write(dryRun: true, verdicts);
        foreach (var verdict in verdicts.Where(verdict => verdict.Command is not null))
            context.WriteInfo($"Would run: {ShellQuoting.Join(verdict.Command!)}");
        foreach (var verdict in verdicts.Where(verdict => verdict.Failure is not null))
            context.WriteInfo($"Would fail: {verdict.Failure}");
        var expired = verdicts.Count(verdict => verdict.Verdict == Verdict.Expired);
        var gone = removed ? "removed" : "forgotten";
        context.WriteInfo($"Dry run, nothing was changed: {Quantity.Images(expired)} would be {gone}"
            + $"{Quantity.WouldFree(verdicts)}. " + DescribeRest(verdicts, verdicts.Count - expired));
    }

    public void WriteForgotten(PruneSummary summary) => Write(summary, () =>
    {
        var forgotten = summary.Count(Verdict.Expired);
        context.WriteInfo($"Forgot {Quantity.Of(forgotten, "expired image")}{InAll(summary, Verdict.Expired)}. "
            + DescribeRest(summary, forgotten));
        if (forgotten > 0)
            context.WriteInfo("Now remove them from the engine. To list them again, run 'imagegc history'. "
                + "Safer: --run 'docker rmi {}' forgets an image only after it was removed.");
    });

    public void WriteRemoved(PruneSummary summary) => Write(summary, () =>
    {
        var failed = summary.Count(Verdict.Failed);
        var removed = summary.Count(Verdict.Removed);
        context.WriteInfo($"Removed {Quantity.Of(removed, "expired image")}{InAll(summary, Verdict.Removed)}. "
            + DescribeRest(summary, removed));
        if (failed > 0)
            context.WriteInfo(
                $"Not removed: {Quantity.Images(failed)}, still tracked. The next prune tries again. If an image is "
                + "gone already, run 'imagegc forget ID'; 'imagegc prune --help' shows a script that avoids this.");
        context.WarnNotRecorded(summary.NotRecorded);
        if (summary.Interrupted)
            context.WriteInfo(
                $"Interrupted: {Quantity.Images(summary.Count(Verdict.Expired))} left for the next prune.");
    });

    /// <summary>Writes the summary even if the results cannot be written, because the prune has happened.</summary>
    private void Write(PruneSummary summary, Action writeSummary)
    {
        try
        {
            Write(dryRun: false, summary.Verdicts);
        }
        finally
        {
            writeSummary();
        }
    }

    private void Write(bool dryRun, IReadOnlyCollection<ImageVerdict> verdicts)
    {
        if (context.Json)
            context.WriteJson(
                new JsonPrune(dryRun, import, verdicts.Select(JsonVerdict.Of)), JsonOutput.Default.JsonPrune);
        else if (verdicts.Count > 0)
            context.WriteTable(new ImageTable(context.Environment.Time.GetUtcNow(), fullIds).Of(verdicts));
    }

    private static string InAll(PruneSummary summary, Verdict verdict) => Quantity.InAll(
        summary.Verdicts.Where(image => image.Verdict == verdict).Select(image => image.Image));

    private string DescribeRest(PruneSummary summary, int gone) =>
        DescribeRest(summary.Verdicts, summary.Verdicts.Count - gone);

    private string DescribeRest(IReadOnlyList<ImageVerdict> verdicts, int stay) =>
        $"Remaining: {stay}. {InUseSummary.Describe(inUse, verdicts)}";
}
