namespace ImageGc.Cli.Output;

/// <summary>How many IDs were given as in use, and how many of them are not tracked.</summary>
internal static class InUseSummary
{
    public static string Describe(IReadOnlyCollection<string> inUse, IEnumerable<ImageVerdict> verdicts)
    {
        var known = verdicts.Count(verdict => verdict.Verdict == Verdict.InUse);
        return $"IDs given as in use: {inUse.Count}, not tracked: {inUse.Count - known}.";
    }
}
