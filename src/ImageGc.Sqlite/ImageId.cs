using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace ImageGc.Sqlite;

/// <summary>
/// The rules for image IDs: an ID is an opaque token of 1 to 512 characters without white space or control characters.
/// A Docker ID is <c>sha256:</c> and 64 hexadecimal digits, which people often shorten.
/// </summary>
public static class ImageId
{
    /// <summary>The maximum length of an ID, in characters.</summary>
    public const int MaxLength = 512;

    /// <summary>The minimum number of digits of a shortened Docker ID.</summary>
    public const int MinPrefixDigits = 4;

    private const string Algorithm = "sha256:";
    private const int DigestDigits = 64;
    private const int ShownDigits = 12;

    private static readonly SearchValues<char> LowerHexDigits = SearchValues.Create("0123456789abcdef");

    /// <summary>Returns whether the store accepts this ID.</summary>
    public static bool IsValid([NotNullWhen(true)] string? imageId) => WhyNot(imageId) is null;

    /// <summary>Throws if the store does not accept this ID; the message says why.</summary>
    /// <exception cref="ArgumentException"><paramref name="imageId"/> is not a valid image ID.</exception>
    public static void ThrowIfInvalid(
        [NotNull] string? imageId, [CallerArgumentExpression(nameof(imageId))] string? paramName = null)
    {
        ArgumentNullException.ThrowIfNull(imageId, paramName);
        if (WhyNot(imageId) is { } why)
            throw new ArgumentException($"{Quote(imageId)} is not an image ID: it {why}.", paramName);
    }

    /// <summary>Returns whether this is a full Docker ID, with lower-case digits.</summary>
    public static bool IsDigest(string imageId)
    {
        ArgumentNullException.ThrowIfNull(imageId);
        return imageId.Length == Algorithm.Length + DigestDigits
            && imageId.StartsWith(Algorithm, StringComparison.Ordinal)
            && !imageId.AsSpan(Algorithm.Length).ContainsAnyExcept(LowerHexDigits);
    }

    /// <summary>
    /// Returns whether this can be a Docker ID, in full or shortened: at least <see cref="MinPrefixDigits"/>
    /// hexadecimal digits, with or without <c>sha256:</c>.
    /// </summary>
    public static bool IsDigestPrefix(string written)
    {
        var digits = WithoutAlgorithm(written);
        return digits.Length >= MinPrefixDigits && digits.All(char.IsAsciiHexDigit);
    }

    /// <summary>Returns the ID without a leading <c>sha256:</c>.</summary>
    public static string WithoutAlgorithm(string imageId)
    {
        ArgumentNullException.ThrowIfNull(imageId);
        return imageId.StartsWith(Algorithm, StringComparison.Ordinal) ? imageId[Algorithm.Length..] : imageId;
    }

    /// <summary>
    /// Returns the first 12 digits of a Docker ID, as Docker shows it; any other ID unchanged.
    /// </summary>
    public static string Shorten(string imageId)
    {
        var digits = WithoutAlgorithm(imageId);
        return digits.Length < imageId.Length && digits.Length > ShownDigits ? digits[..ShownDigits] : imageId;
    }

    /// <summary>
    /// Returns whether <paramref name="written"/> means this image: it is the ID, or a Docker ID shortened as
    /// <see cref="IsDigestPrefix"/> accepts it.
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

    /// <summary>Shortens and escapes an ID for a message, so that it cannot forge a line of the log.</summary>
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
            return $"has {imageId.Length} characters, and the maximum is {MaxLength}";

        // An unpaired surrogate cannot be encoded in UTF-8: two different IDs would be stored as the same text.
        for (var i = 0; i < imageId.Length; i++)
        {
            if (char.IsWhiteSpace(imageId[i]) || char.IsControl(imageId[i]))
                return "contains white space or a control character";
            if (imageId[i] == '\ufffd')
                return "contains U+FFFD, which replaces bytes that are not text";
            if (char.IsSurrogate(imageId[i]) && !char.IsSurrogatePair(imageId, i++))
                return "contains half a surrogate pair";
        }

        return null;
    }
}
