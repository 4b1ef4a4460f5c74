using ImageGc.Cli.Execution;
using ImageGc.Sqlite;

namespace ImageGc.Cli.Input;

/// <summary>In-use IDs that match no tracked image, because they are not written as the tracked ones are.</summary>
internal static class MismatchedIds
{
    /// <summary>
    /// Refuses an ID that is another form of a tracked one, and a name where IDs are tracked: it would match nothing,
    /// and a prune would remove an image in use.
    /// </summary>
    public static void ThrowIfAny(IReadOnlyCollection<string> inUse, IReadOnlyList<ImageUse> tracked)
    {
        var trackedIds = tracked.Select(image => image.ImageId).ToHashSet(StringComparer.Ordinal);
        var unmatched = inUse.Where(imageId => !trackedIds.Contains(imageId)).ToList();
        if (unmatched.Count == 0 || trackedIds.Count == 0)
            return;

        ThrowIfOtherForm(unmatched, trackedIds);
        if (trackedIds.All(ImageId.IsDigest)
            && unmatched.Find(written => !ImageId.IsDigestPrefix(written)) is { } name)
            throw new CommandFailedException(
                $"'{name}' is no ID as the tracked ones are, so it would keep no image. Give the IDs of images: "
                + "docker inspect --format '{{.Image}}' CONTAINER. Nothing was pruned.");
    }

    private static void ThrowIfOtherForm(List<string> unmatched, HashSet<string> trackedIds)
    {
        var byDigits = new SortedList<string, string>(StringComparer.Ordinal);
        foreach (var imageId in trackedIds.Order(StringComparer.Ordinal))
            byDigits.TryAdd(ImageId.WithoutAlgorithm(imageId), imageId);
        var sorted = byDigits.Keys.ToArray();
        foreach (var written in unmatched)
        {
            var lowerCase = written.ToLowerInvariant();
            if (!ImageId.IsDigestPrefix(lowerCase))
                continue;
            var digits = ImageId.WithoutAlgorithm(lowerCase);
            var found = Array.BinarySearch(sorted, digits, StringComparer.Ordinal);
            var nearest = found < 0 ? ~found : found;
            if (nearest < sorted.Length && sorted[nearest].StartsWith(digits, StringComparison.Ordinal))
                throw OtherFormError(written, byDigits[sorted[nearest]]);
            for (var length = ImageId.MinPrefixDigits; length < digits.Length; length++)
            {
                if (byDigits.TryGetValue(digits[..length], out var shortened))
                    throw OtherFormError(written, shortened);
            }
        }
    }

    private static CommandFailedException OtherFormError(string written, string tracked) => new(
        $"The ID '{written}' is not tracked, but {tracked} is. Give IDs as they were recorded, or that image would be "
        + "taken for unused. Nothing was pruned.");
}
