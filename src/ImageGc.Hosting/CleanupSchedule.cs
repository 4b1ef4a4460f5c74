namespace ImageGc.Hosting;

/// <summary>When the next cleanup is due: a time of day, every so many days.</summary>
/// <remarks>
/// Each local day has exactly one cleanup time, whatever daylight saving does to it: a time that comes twice is the
/// first one, and a time that is skipped comes as long after midnight as ever, so on the clock an hour later.
/// </remarks>
internal sealed class CleanupSchedule(TimeOnly at, TimeSpan recurrence)
{
    private readonly int _days = recurrence.Days;

    /// <param name="last">The last cleanup.</param>
    /// <param name="now">Now. It may be before the last cleanup: then the clock was set back.</param>
    /// <param name="zone">The local time zone.</param>
    /// <returns>
    /// Null if the last cleanup lies more than a day ahead: then the clock was wrong, or it is, and nobody can say.
    /// </returns>
    public DateTimeOffset? NextAfter(DateTimeOffset last, DateTimeOffset now, TimeZoneInfo zone)
    {
        if (last - now > TimeSpan.FromDays(1))
            return null;

        var day = DateOnly.FromDateTime(TimeZoneInfo.ConvertTime(last, zone).DateTime);
        if (TimeOn(day, zone) > last) // It made up for the cleanup of the day before.
            day = day.AddDays(-1);
        return DateOnly.MaxValue.DayNumber - day.DayNumber < _days
            ? DateTimeOffset.MaxValue
            : TimeOn(day.AddDays(_days), zone);
    }

    private DateTimeOffset TimeOn(DateOnly day, TimeZoneInfo zone)
    {
        var local = day.ToDateTime(at);
        var offset = zone.IsAmbiguousTime(local) ? zone.GetAmbiguousTimeOffsets(local).Max()
            : zone.IsInvalidTime(local) ? zone.GetUtcOffset(day.ToDateTime(TimeOnly.MinValue))
            : zone.GetUtcOffset(local);
        return new DateTimeOffset(local, offset).ToUniversalTime();
    }
}
