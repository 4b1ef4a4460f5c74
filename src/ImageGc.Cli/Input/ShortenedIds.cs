using ImageGc.Sqlite;

namespace ImageGc.Cli.Input;

/// <summary>Other forms of an image ID: cut to its first digits, or without `sha256:`.</summary>
internal static class ShortenedIds
{
    private const string Algorithm = "sha256:";
    private const int FewestDigits = 4;
    private const int ShownDigits = 12;

    /// <summary>As docker does; an ID of another kind has no digits to count and stays as it is.</summary>
    public static string Shorten(string imageId) =>
        imageId.StartsWith(Algorithm, StringComparison.Ordinal) && imageId.Length > Algorithm.Length + ShownDigits
            ? imageId.Substring(Algorithm.Length, ShownDigits)
            : imageId;

    /// <summary>Whether an ID is meant by what a person wrote, in full or shortened.</summary>
    public static bool Means(string written, string imageId) =>
        written == imageId
        || (IsHex(Digits(written)) && Digits(imageId).StartsWith(Digits(written), StringComparison.Ordinal));

    /// <summary>
    /// Refuses an in-use ID that is another form of a tracked one: it would match nothing, and a prune would remove an
    /// image in use.
    /// </summary>
    public static void Refuse(IReadOnlyCollection<string> inUse, IReadOnlyList<ImageUse> tracked)
    {
        var trackedIds = tracked.Select(image => image.ImageId).ToHashSet(StringComparer.Ordinal);
        var byDigits = new SortedList<string, string>(StringComparer.Ordinal);
        var suspects = inUse.Where(imageId => !trackedIds.Contains(imageId) && IsHex(Digits(imageId))).ToList();
        if (suspects.Count == 0)
            return;

        foreach (var imageId in trackedIds.Order(StringComparer.Ordinal))
            byDigits.TryAdd(Digits(imageId), imageId);
        var sorted = byDigits.Keys.ToArray();
        foreach (var imageId in suspects)
        {
            var found = Array.BinarySearch(sorted, Digits(imageId), StringComparer.Ordinal);
            var nearest = found < 0 ? ~found : found;
            if (nearest < sorted.Length && sorted[nearest].StartsWith(Digits(imageId), StringComparison.Ordinal))
                throw new CommandFailedException(
                    $"The ID '{imageId}' is not tracked, but {byDigits[sorted[nearest]]} is. "
                    + "Give IDs in full as they were recorded, or that image would be taken for unused. "
                    + "Nothing was pruned.");
        }
    }

    private static string Digits(string imageId) =>
        imageId.StartsWith(Algorithm, StringComparison.Ordinal) ? imageId[Algorithm.Length..] : imageId;

    private static bool IsHex(string digits) => digits.Length >= FewestDigits && digits.All(char.IsAsciiHexDigit);
}
