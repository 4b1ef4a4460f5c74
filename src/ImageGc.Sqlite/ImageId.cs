using System.Runtime.CompilerServices;

namespace ImageGc.Sqlite;

/// <summary>
/// The rule for image IDs: opaque tokens of 1 to 512 characters without white space or control characters.
/// </summary>
internal static class ImageId
{
    public const int MaxLength = 512;

    public static bool IsValid(string? imageId) => WhyNot(imageId) is null;

    public static string Require(
        string? imageId, [CallerArgumentExpression(nameof(imageId))] string? parameterName = null)
    {
        ArgumentNullException.ThrowIfNull(imageId, parameterName);
        return WhyNot(imageId) is { } why
            ? throw new ArgumentException($"Not an image ID, it {why}: {Quote(imageId)}.", parameterName)
            : imageId;
    }

    public static List<string> RequireAll(
        IEnumerable<string> imageIds, [CallerArgumentExpression(nameof(imageIds))] string? parameterName = null)
    {
        ArgumentNullException.ThrowIfNull(imageIds, parameterName);
        return [.. imageIds.Select(imageId => imageId is null
            ? throw new ArgumentException("One of the image IDs is null.", parameterName)
            : Require(imageId, parameterName))];
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
            if (char.IsSurrogate(imageId[i]) && !char.IsSurrogatePair(imageId, i++))
                return "contains half a surrogate pair";
        }

        return null;
    }

    /// <summary>For messages and the log, in which no caller's string may begin a line of its own.</summary>
    public static string Quote(string imageId)
    {
        var shown = imageId.Length <= 80 ? imageId : string.Concat(imageId.AsSpan(0, 77), "...");
        return "'" + string.Concat(shown.Select(c =>
            char.IsControl(c) || char.IsSurrogate(c) ? $"\\u{(int)c:x4}" : c.ToString())) + "'";
    }
}
