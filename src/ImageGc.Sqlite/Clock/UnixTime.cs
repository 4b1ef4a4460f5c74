namespace ImageGc.Sqlite;

/// <summary>Times as rows hold them, and as .NET has them.</summary>
internal static class UnixTime
{
    /// <summary>The last second of the year 9999.</summary>
    public static readonly long LatestSecond = DateTimeOffset.MaxValue.ToUnixTimeSeconds();

    /// <summary>
    /// The end of the calendar for what lies beyond it, and the first second of 1970 for what lies before.
    /// </summary>
    public static DateTimeOffset FromSeconds(long seconds) =>
        seconds > LatestSecond
            ? DateTimeOffset.MaxValue
            : DateTimeOffset.FromUnixTimeSeconds(Math.Max(0, seconds));

    /// <summary>As <see cref="FromSeconds"/>, rounded down.</summary>
    public static DateTimeOffset FromMilliseconds(long milliseconds) => FromSeconds(milliseconds / 1000);

    /// <summary>As <see cref="FromSeconds"/>, to the nearest second: uses are milliseconds apart.</summary>
    public static DateTimeOffset FromMillisecondsRounded(long milliseconds) => FromSeconds((milliseconds + 500) / 1000);

    /// <summary>Rounded up, so that nothing is a moment too young.</summary>
    public static long Milliseconds(TimeSpan duration) => (long)Math.Ceiling(duration.TotalMilliseconds);
}
