using ImageGc.Cli.Output;

namespace ImageGc.Cli.Pruning;

/// <summary>What a prune did.</summary>
/// <param name="Processed">What became of the images that expired.</param>
/// <param name="Others">The other images; null if they could not be read any more.</param>
/// <param name="Interrupted">Whether it was stopped before the last image.</param>
internal sealed record PruneOutcome(
    IReadOnlyList<ImageVerdict> Processed, IReadOnlyList<ImageVerdict>? Others, bool Interrupted)
{
    public IEnumerable<ImageVerdict> All => Processed.Concat(Others ?? []);

    public int Count(Verdict verdict) => All.Count(image => image.Verdict == verdict);
}
