using System.Globalization;

namespace ImageGc.Benchmarks.Reporting;

/// <summary>Formats figures for people.</summary>
internal static class Text
{
    public static string Time(double microseconds) => microseconds switch
    {
        < 1_000 => $"{Three(microseconds)} µs",
        < 1_000_000 => $"{Three(microseconds / 1_000)} ms",
        _ => $"{Three(microseconds / 1_000_000)} s",
    };

    public static string Bytes(double bytes) => bytes switch
    {
        < 1_000 => $"{bytes:0} B",
        < 1_000_000 => $"{Three(bytes / 1_000)} kB",
        _ => $"{Three(bytes / 1_000_000)} MB",
    };

    public static string Count(long count) => count.ToString("N0", CultureInfo.InvariantCulture);

    /// <summary>Three significant digits.</summary>
    private static string Three(double value) => value.ToString(
        value switch { < 10 => "0.00", < 100 => "0.0", _ => "0" }, CultureInfo.InvariantCulture);
}
