using ImageGc.Sqlite;

namespace ImageGc.Cli.Output;

internal static class VerdictOrder
{
    /// <summary>What goes, then what stays, each oldest use first: the order in which a prune reports.</summary>
    public static List<ImageVerdict> ExpiredFirst(this IReadOnlyList<PruneVerdict> oldestFirst) =>
        [.. oldestFirst.OrderBy(verdict => verdict.Reason != PruneReason.Expired).Select(ImageVerdict.Of)];
}
