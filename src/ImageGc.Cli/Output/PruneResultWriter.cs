using ImageGc.Cli.Input;
using ImageGc.Cli.Pruning;
using ImageGc.Sqlite;

namespace ImageGc.Cli.Output;

/// <summary>How a prune tells what it did, or would do.</summary>
internal sealed class PruneReport(
    Invocation invocation, IReadOnlyCollection<string> inUse, FlatFileImport? import, bool fullIds)
{
    public void DryRun(List<ImageVerdict> verdicts, bool removed)
    {
        Write(dryRun: true, verdicts);
        foreach (var verdict in verdicts.Where(verdict => verdict.Command is not null))
            invocation.Tell($"Would run: {ShellWords.Join(verdict.Command!)}");
        foreach (var verdict in verdicts.Where(verdict => verdict.Failure is not null))
            invocation.Tell($"Would fail: {verdict.Failure}");
        var expired = verdicts.Count(verdict => verdict.Verdict == Verdict.Expired);
        var gone = removed ? "removed" : "forgotten";
        invocation.Tell($"Dry run, nothing was changed: {Counted.Images(expired)} would be {gone}, "
            + Stay(verdicts, verdicts.Count - expired));
    }

    public void Forgotten(Pruned pruned)
    {
        Write(pruned, () =>
        {
            var forgotten = pruned.Done.Count;
            invocation.Tell($"Forgot {Counted.Images(forgotten)} that expired{Stay(pruned, 0)}");
            if (forgotten > 0)
                invocation.Tell("Now remove them from the engine; 'imagegc history' lists them again. "
                    + "Safer: --run 'docker rmi {}' forgets each only once it is gone.");
        });
    }

    public void Removed(Pruned pruned)
    {
        Write(pruned, () =>
        {
            var failed = pruned.Count(Verdict.Failed);
            invocation.Tell(
                $"Removed {Counted.Images(pruned.Count(Verdict.Removed))} that expired{Stay(pruned, failed)}");
            if (failed > 0)
                invocation.Tell(
                    $"Failed for {Counted.Images(failed)}: tracked as before, and the next prune tries again. If the "
                    + "engine has one no longer: imagegc forget ID; 'imagegc prune --help' shows how to avoid it.");
            if (pruned.Interrupted)
                invocation.Tell(
                    $"Interrupted: {Counted.Images(pruned.Count(Verdict.Expired))} left for the next prune.");
        });
    }

    /// <summary>Tells what was done also where the results cannot be written: it was done all the same.</summary>
    private void Write(Pruned pruned, Action tell)
    {
        try
        {
            Write(dryRun: false, pruned.All);
        }
        finally
        {
            tell();
            LookInside();
        }
    }

    private void Write(bool dryRun, IEnumerable<ImageVerdict> verdicts)
    {
        if (invocation.Json)
            invocation.WriteJson(
                new JsonPrune(dryRun, import, verdicts.Select(JsonVerdict.Of)), JsonOutput.Default.JsonPrune);
        else if (verdicts.Any())
            invocation.Write(new ImageListing(invocation.Shell.Time.GetUtcNow(), fullIds).Of(verdicts));
    }

    private string Stay(Pruned pruned, int failed) =>
        pruned.Others is null ? "." : $", {Stay(pruned.Others, pruned.Others.Count + failed)}";

    private string Stay(IReadOnlyList<ImageVerdict> others, int stay) =>
        $"{stay} stay. {InUseOptions.Summary(inUse, others)}";

    private void LookInside() => invocation.Tell(
        $"Look inside: sqlite3 {ShellWords.Quote(invocation.DatabasePath)} 'SELECT * FROM image_use_utc'");
}
