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
        invocation.Tell(
            $"Dry run, nothing was changed: {Images(expired)} would be {gone}, {Stay(verdicts, expired)}");
    }

    public void Forgotten(List<ImageVerdict> verdicts)
    {
        Write(dryRun: false, verdicts);
        var expired = verdicts.Count(verdict => verdict.Verdict == Verdict.Expired);
        invocation.Tell($"Forgot {Images(expired)} that expired, {Stay(verdicts, expired)}");
        if (expired > 0)
            invocation.Tell("Now remove them from the engine. Safer: --run 'docker rmi {}' forgets each only once it is gone.");
        LookInside();
    }

    public void Removed(List<ImageVerdict> verdicts, bool interrupted)
    {
        Write(dryRun: false, verdicts);
        var removed = verdicts.Count(verdict => verdict.Verdict == Verdict.Removed);
        var failed = verdicts.Count(verdict => verdict.Verdict == Verdict.Failed);
        invocation.Tell($"Removed {Images(removed)} that expired, {Stay(verdicts, removed)}");
        if (failed > 0)
            invocation.Tell(
                $"Failed for {Images(failed)}: tracked as before, and the next prune tries again. "
                + "If the engine has one no longer: imagegc forget ID; 'imagegc prune --help' shows how to avoid it.");
        if (interrupted)
            invocation.Tell(
                $"Interrupted: {Images(verdicts.Count(verdict => verdict.Verdict == Verdict.Expired))} left for the next prune.");
        LookInside();
    }

    private void Write(bool dryRun, List<ImageVerdict> verdicts)
    {
        if (invocation.Json)
            invocation.WriteJson(
                new JsonPrune(dryRun, import, verdicts.Select(JsonVerdict.Of)), JsonOutput.Default.JsonPrune);
        else if (verdicts.Count > 0)
            invocation.Write(new ImageListing(invocation.Shell.Time.GetUtcNow(), fullIds).Of(verdicts));
    }

    private string Stay(List<ImageVerdict> verdicts, int gone)
    {
        var known = verdicts.Count(verdict => verdict.Verdict == Verdict.InUse);
        return $"{verdicts.Count - gone} stay. IDs given as in use: {inUse.Count}, never recorded: {inUse.Count - known}.";
    }

    private void LookInside() => invocation.Tell(
        $"Look inside: sqlite3 {ShellWords.Quote(invocation.DatabasePath)} 'SELECT * FROM image_use_utc'");

    private static string Images(int count) => count == 1 ? "1 image" : $"{count} images";
}
