using ImageGc.Sqlite;

namespace ImageGc.Hosting;

/// <summary>The disk space of images, by the reason why they stay.</summary>
internal static class DiskShares
{
    /// <summary>Describes what fills a disk, in a sentence for a person who has to free space on it.</summary>
    /// <param name="images">All images of the engine.</param>
    /// <param name="inUse">The IDs of the images that containers use, tracked or not.</param>
    /// <param name="verdicts">The verdict on each tracked image.</param>
    /// <param name="usage">The usage of the disk.</param>
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
                    PruneReason.Expired => "not removed yet",
                    PruneReason.WaitsForClock => "waiting for the clock",
                    _ => "used too recently",
                })
            .Select(share => (Why: share.Key, Bytes: share.Sum(image => image.UniqueBytes ?? image.SizeBytes ?? 0)))
            .OrderByDescending(share => share.Bytes)
            .ToList();
        var total = shares.Sum(share => share.Bytes);
        var parts = string.Join(", ", shares.Select(share => $"{SizeText.Format(share.Bytes)} {share.Why}"));
        var others = usage.UsedBytes - total; // Too little where shared layers are counted for each image.
        return (shares.Count == 0 ? "The engine has no image" : $"Images take up to {SizeText.Format(total)}: {parts}")
            + (others > 0 ? $"; everything else takes {SizeText.Format(others)} or more" : "")
            + ". To see more, run 'du -xh' and the engine's 'system df'.";
    }
}
