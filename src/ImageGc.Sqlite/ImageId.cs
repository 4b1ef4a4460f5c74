using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace ImageGc.Sqlite;

/// <summary>
/// The rules for image IDs: an ID is an opaque token of 1 to 512 characters without white space or control characters.
/// Docker's are <c>sha256:</c> and 64 hexadecimal digits, which people often shorten.
/// </summary>
public static class ImageId
{
    /// <summary>The greatest length of an ID, in characters.</summary>
    public const int MaxLength = 512;

    /// <summary>The fewest digits that identify an image if its ID is shortened.</summary>
    public const int MinPrefixDigits = 4;

    private const string Algorithm = "sha256:";
    private const int DigestDigits = 64;
    private const int ShownDigits = 12;

    private static readonly SearchValues<char> LowerHexDigits = SearchValues.Create("0123456789abcdef");

    /// <summary>Whether the store accepts this ID.</summary>
    public static bool IsValid([NotNullWhen(true)] string? imageId) => WhyNot(imageId) is null;

    /// <summary>Throws if the store does not accept this ID; the message says why.</summary>
    /// <exception cref="ArgumentException"><paramref name="imageId"/> is not a valid image ID.</exception>
    public static void ThrowIfInvalid(
        [NotNull] string? imageId, [CallerArgumentExpression(nameof(imageId))] string? paramName = null)
    {
        ArgumentNullException.ThrowIfNull(imageId, paramName);
        if (WhyNot(imageId) is { } why)
            throw new ArgumentException($"Not an image ID, it {why}: {Quote(imageId)}.", paramName);
    }

    /// <summary>Whether this is an ID in full as Docker writes it: <c>sha256:</c> and 64 lower-case digits.</summary>
    public static bool IsDigest(string imageId)
    {
        ArgumentNullException.ThrowIfNull(imageId);
        return imageId.Length == Algorithm.Length + DigestDigits
            && imageId.StartsWith(Algorithm, StringComparison.Ordinal)
            && !imageId.AsSpan(Algorithm.Length).ContainsAnyExcept(LowerHexDigits);
    }

    /// <summary>
    /// Whether this can be a Docker ID, in full or shortened: at least four hexadecimal digits, with or without
    /// <c>sha256:</c>.
    /// </summary>
    public static bool IsDigestPrefix(string written)
    {
        var digits = WithoutAlgorithm(written);
        return digits.Length >= MinPrefixDigits && digits.All(char.IsAsciiHexDigit);
    }

    /// <summary>Returns the ID without <c>sha256:</c> if it begins with that.</summary>
    public static string WithoutAlgorithm(string imageId)
    {
        ArgumentNullException.ThrowIfNull(imageId);
        return imageId.StartsWith(Algorithm, StringComparison.Ordinal) ? imageId[Algorithm.Length..] : imageId;
    }

    /// <summary>
    /// Returns the first 12 digits of a Docker ID, as Docker shows it; any other ID as it is.
    /// </summary>
    public static string Shorten(string imageId)
    {
        var digits = WithoutAlgorithm(imageId);
        return digits.Length < imageId.Length && digits.Length > ShownDigits ? digits[..ShownDigits] : imageId;
    }

    /// <summary>
    /// Whether <paramref name="written"/> means this image: it is the ID, or its first digits (at least four), with or
    /// without <c>sha256:</c>.
    /// </summary>
    public static bool Matches(string written, string imageId)
    {
        ArgumentNullException.ThrowIfNull(written);
        return written == imageId
            || (IsDigestPrefix(written)
                && WithoutAlgorithm(imageId).StartsWith(WithoutAlgorithm(written), StringComparison.Ordinal));
    }

    internal static string Require(
        string? imageId, [CallerArgumentExpression(nameof(imageId))] string? parameterName = null)
    {
        ThrowIfInvalid(imageId, parameterName);
        return imageId;
    }

    internal static List<string> RequireAll(
        IEnumerable<string> imageIds, [CallerArgumentExpression(nameof(imageIds))] string? parameterName = null)
    {
        ArgumentNullException.ThrowIfNull(imageIds, parameterName);
        return [.. imageIds.Select(imageId => imageId is null
            ? throw new ArgumentException("One of the image IDs is null.", parameterName)
            : Require(imageId, parameterName))];
    }

    /// <summary>For messages and the log, in which no caller's string may begin a line of its own.</summary>
    internal static string Quote(string imageId)
    {
        var shown = imageId.Length <= 80 ? imageId : string.Concat(imageId.AsSpan(0, 77), "...");
        return "'" + string.Concat(shown.Select(c =>
            char.IsControl(c) || char.IsSurrogate(c) ? $"\\u{(int)c:x4}" : c.ToString())) + "'";
    }

    private static string? WhyNot(string? imageId)
    {
        if (string.IsNullOrEmpty(imageId))
            return "is empty";
        if (imageId.Length > MaxLength)
            return $"has {imageId.Length} characters and {MaxLength} is the most";

        // An unpaired surrogate has no UTF-8 form: two different IDs would be stored as the same one.
        for (var i = 0; i < imageId.Length; i++)
        {
            if (char.IsWhiteSpace(imageId[i]) || char.IsControl(imageId[i]))
                return "contains white space or a control character";
            if (imageId[i] == '\ufffd')
                return "contains U+FFFD, which stands for bytes that are not text";
            if (char.IsSurrogate(imageId[i]) && !char.IsSurrogatePair(imageId, i++))
                return "contains half a surrogate pair";
        }

        return null;
    }
}
