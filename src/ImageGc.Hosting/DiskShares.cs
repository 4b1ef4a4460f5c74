using ImageGc.Sqlite;

namespace ImageGc.Hosting;

/// <summary>What the images on a disk take, by the reason why they stay.</summary>
internal static class DiskShares
{
    /// <param name="images">All that the engine has.</param>
    /// <param name="inUse">The IDs of those that a container uses, tracked or not.</param>
    /// <param name="verdicts">The verdict on each tracked one.</param>
    /// <param name="usage">Of the disk.</param>
    /// <returns>A sentence for a person who has to make room.</returns>
    public static string Describe(
        IReadOnlyCollection<EngineImage> images, IReadOnlySet<string> inUse,
        IReadOnlyDictionary<string, PruneReason> verdicts, DiskUsage usage)
    {
        var shares = images
            .GroupBy(image => inUse.Contains(image.ImageId) ? "in use"
                : !verdicts.TryGetValue(image.ImageId, out var reason) ? "not tracked"
                : reason switch
                {
                    PruneReason.Kept => "kept",
                    PruneReason.Expired => "not removable so far",
                    PruneReason.WaitsForClock => "waiting for the clock",
                    _ => "used too recently",
                })
            .Select(share => (Why: share.Key, Bytes: share.Sum(image => image.UniqueBytes ?? image.SizeBytes ?? 0)))
            .OrderByDescending(share => share.Bytes)
            .ToList();
        var total = shares.Sum(share => share.Bytes);
        var parts = string.Join(", ", shares.Select(share => $"{SizeText.Format(share.Bytes)} {share.Why}"));
        var others = usage.UsedBytes - total; // Unknown if what images share is counted for each of them.
        return (shares.Count == 0 ? "The engine has no image" : $"Images take up to {SizeText.Format(total)}: {parts}")
            + (others > 0 ? $"; everything else takes {SizeText.Format(others)} or more" : "")
            + ". Look with 'du -xh' and with the engine's 'system df'.";
    }
}
