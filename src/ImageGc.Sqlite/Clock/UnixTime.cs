namespace ImageGc.Sqlite;

/// <summary>Converts between times in rows and times in .NET.</summary>
internal static class UnixTime
{
    /// <summary>The last second of the year 9999.</summary>
    public static readonly long LatestSecond = DateTimeOffset.MaxValue.ToUnixTimeSeconds();

    /// <summary>
    /// Returns a time between the beginning of 1970 and the end of the calendar, also for seconds beyond them.
    /// </summary>
    public static DateTimeOffset FromSeconds(long seconds) =>
        seconds > LatestSecond
            ? DateTimeOffset.MaxValue
            : DateTimeOffset.FromUnixTimeSeconds(Math.Max(0, seconds));

    /// <summary>As <see cref="FromSeconds"/>, rounded down.</summary>
    public static DateTimeOffset FromMilliseconds(long milliseconds) => FromSeconds(milliseconds / 1000);

    /// <summary>As <see cref="FromSeconds"/>, rounded to the nearest second.</summary>
    public static DateTimeOffset FromMillisecondsRounded(long milliseconds) => FromSeconds((milliseconds + 500) / 1000);

    /// <summary>Returns a duration in milliseconds, rounded up, so that no image expires too early.</summary>
    public static long Milliseconds(TimeSpan duration) => (long)Math.Ceiling(duration.TotalMilliseconds);
}
