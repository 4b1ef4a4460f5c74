using System.Globalization;

namespace ImageGc.Sqlite;

/// <summary>Durations as people type them (30s, 90m, 12h, 7d, 3w, 0) and as .NET formats them (7.00:00:00).</summary>
public static class DurationText
{
    /// <summary>The accepted forms, as a part of messages.</summary>
    public const string AcceptedForms = "use a whole number and a unit: 30s, 90m, 12h, 7d or 3w, or just 0";

    private static readonly long LongestSeconds = (long)TimeSpan.MaxValue.TotalSeconds;

    /// <summary>Reads a duration.</summary>
    /// <param name="text">The text to read.</param>
    /// <param name="duration">The duration; zero if the text is not a duration.</param>
    /// <param name="why">What is wrong with the text, to follow it in a message.</param>
    /// <returns>Whether the text is a duration.</returns>
    public static bool TryParse(string text, out TimeSpan duration, out string why)
    {
        duration = TimeSpan.Zero;
        why = "is not a duration";
        if (text == "0")
            return true;
        if (text.Contains(':', StringComparison.Ordinal))
            return TimeSpan.TryParseExact(text, "c", CultureInfo.InvariantCulture, out duration)
                && duration >= TimeSpan.Zero;
        if (text.Length < 2 || SecondsIn(text[^1]) is not { } unit)
            return false;
        if (text.AsSpan()[..^1].ContainsAnyExceptInRange('0', '9'))
            return false;

        why = "is too long a duration";
        if (!long.TryParse(text.AsSpan()[..^1], NumberStyles.None, CultureInfo.InvariantCulture, out var count)
            || count > LongestSeconds / unit)
            return false;

        duration = TimeSpan.FromSeconds(count * unit);
        return true;
    }

    /// <summary>Formats a duration, without fractions of a second, in the largest exact unit: 7d, 90m, 0.</summary>
    public static string Format(TimeSpan duration)
    {
        var seconds = (long)duration.TotalSeconds;
        return seconds == 0 ? "0" : "dhms".Where(unit => seconds % SecondsIn(unit) == 0)
            .Select(unit => string.Create(CultureInfo.InvariantCulture, $"{seconds / SecondsIn(unit)}{unit}"))
            .First();
    }

    private static long? SecondsIn(char unit) => unit switch
    {
        's' => 1,
        'm' => 60,
        'h' => 60 * 60,
        'd' => 24 * 60 * 60,
        'w' => 7 * 24 * 60 * 60,
        _ => null,
    };
}
