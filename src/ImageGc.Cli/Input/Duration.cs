using System.CommandLine.Parsing;
using System.Globalization;

namespace ImageGc.Cli.Input;

/// <summary>Durations as people write them: 30s, 90m, 12h, 7d, 3w, 0.</summary>
internal static class Duration
{
    private const string AcceptedForms = "use a whole number and a unit: 30s, 90m, 12h, 7d or 3w, or just 0";
    private static readonly long LongestSeconds = (long)TimeSpan.MaxValue.TotalSeconds;

    /// <summary>A custom parser for an option: a duration that cannot be understood becomes a usage error.</summary>
    public static TimeSpan? Parse(ArgumentResult given)
    {
        var text = given.Tokens.Count > 0 ? given.Tokens[^1].Value : "";
        if (TryParse(text, out var duration, out var why))
            return duration;
        given.AddError($"'{text}' {why}: {AcceptedForms}.");
        return null;
    }

    /// <summary>In the largest unit that says it exactly: 7d, 90m, 0.</summary>
    public static string Format(TimeSpan duration)
    {
        var seconds = (long)duration.TotalSeconds;
        return seconds == 0 ? "0" : "dhms".Where(unit => seconds % SecondsIn(unit) == 0)
            .Select(unit => string.Create(CultureInfo.InvariantCulture, $"{seconds / SecondsIn(unit)}{unit}"))
            .First();
    }

    /// <summary>For scripts, which need not know the units: 604800s.</summary>
    public static string InSeconds(TimeSpan duration) =>
        string.Create(CultureInfo.InvariantCulture, $"{(long)duration.TotalSeconds}s");

    private static bool TryParse(string text, out TimeSpan duration, out string why)
    {
        duration = TimeSpan.Zero;
        why = "is no duration";
        if (text == "0")
            return true;
        if (text.Length < 2 || SecondsIn(text[^1]) is not { } unit || !text.AsSpan(0, text.Length - 1).ContainsOnlyDigits())
            return false;

        why = "is too long a duration";
        if (!long.TryParse(text.AsSpan(0, text.Length - 1), NumberStyles.None, CultureInfo.InvariantCulture, out var count)
            || count > LongestSeconds / unit)
            return false;

        duration = TimeSpan.FromSeconds(count * unit);
        return true;
    }

    private static bool ContainsOnlyDigits(this ReadOnlySpan<char> text) => !text.ContainsAnyExceptInRange('0', '9');

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
