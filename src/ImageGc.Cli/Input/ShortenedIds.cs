namespace ImageGc.Cli.Input;

/// <summary>Other forms of an image ID: cut to its first digits, or without `sha256:`.</summary>
internal static class ShortenedIds
{
    public const int FewestDigits = 4;

    private const string Algorithm = "sha256:";
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

    /// <summary>The ID without its algorithm.</summary>
    public static string Digits(string imageId) =>
        imageId.StartsWith(Algorithm, StringComparison.Ordinal) ? imageId[Algorithm.Length..] : imageId;

    /// <summary>Whether these can be the first digits of an ID.</summary>
    public static bool IsHex(string digits) => digits.Length >= FewestDigits && digits.All(char.IsAsciiHexDigit);
}
