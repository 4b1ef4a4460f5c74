using ImageGc.Sqlite.Tests;

namespace ImageGc.Hosting.Tests;

/// <summary>
/// When the next cleanup is due, in Berlin, where summer time began on 29 March and ends on 25 October 2026.
/// </summary>
public sealed class CleanupScheduleTests
{
    private static readonly TimeZoneInfo Berlin = TimeZoneInfo.FindSystemTimeZoneById("Europe/Berlin");

    [Theory]
    [InlineData("00:00", 1, "2026-03-10T23:00:02Z", "2026-03-11T23:00:00Z")] // The last one was at 00:00 on the 11th.
    [InlineData("23:59", 1, "2026-03-10T22:59:00Z", "2026-03-11T22:59:00Z")]
    [InlineData("12:30", 3, "2026-03-10T11:30:40Z", "2026-03-13T11:30:00Z")]
    [InlineData("12:30", 400, "2026-03-10T11:30:40Z", "2027-04-14T10:30:00Z")]
    public void The_next_cleanup_is_whole_days_after_the_last_one_at_the_time_of_day(string at, int days, string last,
        string next) =>
        Assert.Equal(At(next), Schedule(at, days).NextAfter(At(last), At(last), Berlin));

    [Theory]
    [InlineData("00:00", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z")] // A day of 23 hours.
    [InlineData("02:30", "2026-03-28T01:30:00Z", "2026-03-29T01:30:00Z")] // 02:30 does not exist, so 03:30.
    [InlineData("02:30", "2026-03-29T01:30:00Z", "2026-03-30T00:30:00Z")]
    [InlineData("23:59", "2026-03-28T22:59:00Z", "2026-03-29T21:59:00Z")]
    public void When_summer_time_begins_there_is_one_cleanup_a_local_day(string at, string last, string next) =>
        Assert.Equal(At(next), Schedule(at, 1).NextAfter(At(last), At(last), Berlin));

    [Theory]
    [InlineData("00:00", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z")] // A day of 25 hours.
    [InlineData("02:30", "2026-10-24T00:30:00Z", "2026-10-25T00:30:00Z")] // 02:30 comes twice: the first one counts,
    [InlineData("02:30", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z")] // and the second one is not another cleanup.
    public void When_summer_time_ends_there_is_one_cleanup_a_local_day(string at, string last, string next) =>
        Assert.Equal(At(next), Schedule(at, 1).NextAfter(At(last), At(last), Berlin));

    [Fact]
    public void Over_a_year_there_is_exactly_one_cleanup_a_local_day()
    {
        foreach (var at in new[] { "00:00", "02:00", "02:30", "03:00", "23:59" })
        {
            var (run, days) = (At("2026-01-01T12:00:00Z"), new List<DateTime>());
            for (var i = 0; i < 365; i++)
            {
                run = Schedule(at, 1).NextAfter(run, run, Berlin)!.Value;
                days.Add(TimeZoneInfo.ConvertTime(run, Berlin).Date);
            }

            Assert.Equal(Enumerable.Range(0, 365).Select(day => days[0].AddDays(day)), days);
        }
    }

    [Fact]
    public void A_missed_cleanup_is_due_at_once_and_the_next_one_a_recurrence_later()
    {
        var schedule = Schedule("00:00", 3);
        var (last, start) = (At("2026-03-01T23:00:00Z"), At("2026-03-09T07:00:00Z"));

        Assert.True(schedule.NextAfter(last, start, Berlin) <= start);
        Assert.Equal(At("2026-03-11T23:00:00Z"), schedule.NextAfter(start, start, Berlin));
    }

    [Fact]
    public void A_cleanup_that_makes_up_for_yesterdays_does_not_replace_todays() =>
        Assert.Equal(
            At("2026-03-10T22:59:00Z"),
            Schedule("23:59", 1).NextAfter(At("2026-03-10T07:00:00Z"), At("2026-03-10T07:00:00Z"), Berlin));

    [Fact]
    public void A_cleanup_still_counts_after_the_clock_was_set_back_to_before_it() =>
        Assert.Equal(
            At("2026-03-11T23:00:00Z"),
            Schedule("00:00", 1).NextAfter(At("2026-03-10T23:00:05Z"), At("2026-03-10T07:00:00Z"), Berlin));

    [Fact]
    public void A_last_cleanup_more_than_a_day_in_the_future_is_not_trusted() =>
        Assert.Null(Schedule("00:00", 30).NextAfter(At("2026-03-11T07:00:01Z"), At("2026-03-10T07:00:00Z"), Berlin));

    [Fact]
    public void A_clock_that_jumps_over_the_cleanup_time_makes_the_cleanup_due()
    {
        var time = new SteppingTime(At("1970-01-01T00:05:00Z"));
        var last = time.GetUtcNow();
        time.StepTo(At("2026-03-10T07:00:00Z"));

        Assert.True(Schedule("00:00", 3).NextAfter(last, time.GetUtcNow(), Berlin) <= time.GetUtcNow());
    }

    [Fact]
    public void A_recurrence_beyond_the_calendar_is_never_due() =>
        Assert.Equal(
            DateTimeOffset.MaxValue,
            Schedule("00:00", 10_000_000).NextAfter(At("2026-03-10T07:00:00Z"), At("2026-03-10T07:00:00Z"), Berlin));

    private static CleanupSchedule Schedule(string at, int days) =>
        new(TimeOnly.Parse(at, System.Globalization.CultureInfo.InvariantCulture), TimeSpan.FromDays(days));

    private static DateTimeOffset At(string utc) =>
        DateTimeOffset.Parse(utc, System.Globalization.CultureInfo.InvariantCulture);
}
