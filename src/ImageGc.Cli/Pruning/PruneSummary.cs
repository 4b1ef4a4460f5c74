using ImageGc.Cli.Output;

namespace ImageGc.Cli.Pruning;

/// <summary>What a prune did.</summary>
/// <param name="Verdicts">What became of every tracked image.</param>
/// <param name="Interrupted">Whether it was stopped before the last image.</param>
/// <param name="NotRecorded">How many were removed and could not be recorded so, on a full disk.</param>
internal sealed record PruneSummary(IReadOnlyList<ImageVerdict> Verdicts, bool Interrupted, int NotRecorded)
{
    public int Count(Verdict verdict) => Verdicts.Count(image => image.Verdict == verdict);
}
