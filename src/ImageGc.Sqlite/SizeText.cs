using System.Globalization;

namespace ImageGc.Sqlite;

/// <summary>
/// Sizes as people type them: 512 MB, 2GB, 1.5 GiB. As in Docker, 1 kB is 1000 bytes and 1 KiB is 1024 bytes.
/// </summary>
public static class SizeText
{
    private static readonly string[] Units = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];

    /// <summary>Reads a size.</summary>
    /// <param name="text">The text to read.</param>
    /// <param name="bytes">The size in bytes; zero if the text is not a size.</param>
    /// <returns>Whether the text is a size.</returns>
    public static bool TryParse(string text, out long bytes)
    {
        ArgumentNullException.ThrowIfNull(text);
        bytes = 0;
        var digits = text.AsSpan().TrimEnd("BbIiKkMmGgTtPpEe");
        var unit = text[digits.Length..];
        var isBinary = unit.Length == 3 && unit[1] is 'i' or 'I';
        var power = Array.FindIndex(Units, known =>
            known.Equals(isBinary ? $"{unit[0]}{unit[2]}" : unit, StringComparison.OrdinalIgnoreCase));
        if (power < 0
            || !decimal.TryParse(digits, NumberStyles.AllowDecimalPoint | NumberStyles.AllowTrailingWhite,
                CultureInfo.InvariantCulture, out var count))
            return false;
        var unitBytes = Enumerable.Repeat(isBinary ? 1024m : 1000m, power).Aggregate(1m, decimal.Multiply);
        if (count > long.MaxValue / unitBytes)
            return false;
        bytes = (long)(count * unitBytes);
        return true;
    }

    /// <summary>Formats a size with up to three digits, in the largest unit that it reaches: 512 B, 45.6 MB.</summary>
    public static string Format(long bytes)
    {
        double count = bytes;
        var power = 0;
        for (; count >= 999.5; count /= 1000)
            power++;
        var digits = power == 0 || count >= 99.95 ? "0" : count >= 9.995 ? "0.#" : "0.##";
        return $"{count.ToString(digits, CultureInfo.InvariantCulture)} {Units[power]}";
    }
}
