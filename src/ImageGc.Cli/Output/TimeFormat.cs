using System.Globalization;

namespace ImageGc.Cli.Output;

/// <summary>Times and durations for scripts and for people.</summary>
internal static class TimeFormat
{
    // A unit is used for longer than one of the next: "119 minutes ago" says more than "2 hours ago".
    private static readonly (string Unit, TimeSpan Length, TimeSpan Until)[] Units =
    [
        ("second", TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(1)),
        ("minute", TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(120)),
        ("hour", TimeSpan.FromHours(1), TimeSpan.FromHours(48)),
        ("day", TimeSpan.FromDays(1), TimeSpan.FromDays(28)),
        ("week", TimeSpan.FromDays(7), TimeSpan.FromDays(70)),
        ("month", TimeSpan.FromDays(30), TimeSpan.FromDays(730)),
        ("year", TimeSpan.FromDays(365), TimeSpan.MaxValue),
    ];

    /// <summary>ISO 8601 in UTC: 2026-03-01T12:00:00Z.</summary>
    public static string Iso(DateTimeOffset moment) =>
        moment.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    /// <summary>In UTC, to the minute: 2026-03-01 12:00.</summary>
    public static string Short(DateTimeOffset moment) =>
        moment.UtcDateTime.ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture);

    /// <summary>Relative to now: 3 days ago, just now, in 2 weeks.</summary>
    public static string Relative(DateTimeOffset moment, DateTimeOffset now)
    {
        if (moment == DateTimeOffset.MaxValue)
            return "never";

        var distance = (moment - now).Duration();
        if (distance < TimeSpan.FromMinutes(1))
            return moment > now ? "in under a minute" : "just now";

        return moment < now ? $"{Duration(distance)} ago" : $"in {Duration(distance)}";
    }

    /// <summary>In one suitable unit: 8 days.</summary>
    public static string Duration(TimeSpan span)
    {
        var (unit, length, _) = Units.First(candidate => span < candidate.Until);
        var count = Math.Round(span / length);
        return string.Create(CultureInfo.InvariantCulture, $"{count} {unit}{(count is 1 ? "" : "s")}");
    }

    /// <summary>For scripts, always in seconds: 604800s.</summary>
    public static string Seconds(TimeSpan duration) =>
        string.Create(CultureInfo.InvariantCulture, $"{(long)duration.TotalSeconds}s");
}
