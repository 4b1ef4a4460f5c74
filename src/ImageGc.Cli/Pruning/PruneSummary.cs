using ImageGc.Cli.Output;

namespace ImageGc.Cli.Pruning;

/// <summary>The result of a prune.</summary>
/// <param name="Verdicts">The verdicts on all tracked images.</param>
/// <param name="Interrupted">Whether it was stopped before the last image.</param>
/// <param name="NotRecorded">How many removed images could not be recorded as removed, on a full disk.</param>
internal sealed record PruneSummary(IReadOnlyList<ImageVerdict> Verdicts, bool Interrupted, int NotRecorded)
{
    public int Count(Verdict verdict) => Verdicts.Count(image => image.Verdict == verdict);
}
