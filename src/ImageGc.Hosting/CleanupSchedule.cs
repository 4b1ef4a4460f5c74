namespace ImageGc.Hosting;

/// <summary>Computes when the next cleanup is due: at a time of day, every so many days.</summary>
/// <remarks>
/// Each local day has exactly one cleanup time, also when daylight saving begins or ends. Of a time that comes twice,
/// the first one counts. If a time is skipped, the cleanup comes as long after midnight as on other days, which is an
/// hour later by the clock.
/// </remarks>
internal sealed class CleanupSchedule(TimeOnly at, TimeSpan recurrence)
{
    private readonly int _days = recurrence.Days;

    /// <param name="last">When the last cleanup ran.</param>
    /// <param name="now">The time now. It is before the last cleanup if the clock was set back.</param>
    /// <param name="zone">The local time zone.</param>
    /// <returns>
    /// The time; null if the last cleanup is more than a day ahead, since the clock was wrong then or is wrong now.
    /// </returns>
    public DateTimeOffset? NextAfter(DateTimeOffset last, DateTimeOffset now, TimeZoneInfo zone)
    {
        if (last - now > TimeSpan.FromDays(1))
            return null;

        var day = DateOnly.FromDateTime(TimeZoneInfo.ConvertTime(last, zone).DateTime);
        if (TimeOn(day, zone) > last) // It ran before that day's time, to make up for the day before.
            day = day.AddDays(-1);
        return DateOnly.MaxValue.DayNumber - day.DayNumber < _days
            ? DateTimeOffset.MaxValue
            : TimeOn(day.AddDays(_days), zone);
    }

    private DateTimeOffset TimeOn(DateOnly day, TimeZoneInfo zone)
    {
        // A time comes twice when the offset shrinks, so the first of the two has the larger offset. A time is skipped
        // when the offset grows, and before that the offset of midnight is in force.
        var local = day.ToDateTime(at);
        var offset = zone.IsAmbiguousTime(local) ? zone.GetAmbiguousTimeOffsets(local).Max()
            : zone.IsInvalidTime(local) ? zone.GetUtcOffset(day.ToDateTime(TimeOnly.MinValue))
            : zone.GetUtcOffset(local);
        return new DateTimeOffset(local, offset).ToUniversalTime();
    }
}
