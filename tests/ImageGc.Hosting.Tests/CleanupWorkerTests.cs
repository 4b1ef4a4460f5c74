using System.Globalization;
using ImageGc.Sqlite;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace ImageGc.Hosting.Tests;

/// <summary>When a host in Berlin cleans up, also if its power, its clock or its engine fails.</summary>
public sealed class CleanupWorkerTests : HostTest
{
    private static readonly TimeSpan Day = TimeSpan.FromDays(1);
    private static readonly TimeSpan Hour = TimeSpan.FromHours(1);

    public CleanupWorkerTests() => Time.Zone = TimeZoneInfo.FindSystemTimeZoneById("Europe/Berlin");

    [Theory]
    [InlineData("2026-03-28T12:00+01:00", "00:00", "03-29 00:00 | 03-30 00:00 | 03-31 00:00")]
    [InlineData("2026-03-28T12:00+01:00", "02:30", "03-29 03:30 | 03-30 02:30 | 03-31 02:30")]
    [InlineData("2026-03-28T12:00+01:00", "23:59", "03-28 23:59 | 03-29 23:59 | 03-30 23:59")]
    [InlineData("2026-10-24T12:00+02:00", "00:00", "10-25 00:00 | 10-26 00:00 | 10-27 00:00")]
    [InlineData("2026-10-24T12:00+02:00", "02:30", "10-25 02:30 | 10-26 02:30 | 10-27 02:30")]
    [InlineData("2026-10-24T12:00+02:00", "23:59", "10-24 23:59 | 10-25 23:59 | 10-26 23:59")]
    public async Task It_cleans_up_once_a_local_day_also_when_summer_time_begins_or_ends(
        string start, string at, string expected)
    {
        Time.StepTo(At(start));
        using var host = await StartAsync(("CleanupTime", at));

        await LiveAsync(3 * Day);

        Assert.Equal(expected, Cleanups(host));
    }

    [Fact]
    public async Task While_it_waits_it_corrects_the_recorded_times_for_other_programs()
    {
        using var host = await StartAsync();
        await LiveAsync(Hour);
        StoreOf(host).RecordUse("pulled");
        Time.StepTo(Time.GetUtcNow() + (5 * Hour));

        await LiveAsync(TimeSpan.FromMinutes(1));

        using var other = ImageUseStore.Open(new ImageUseStoreOptions { DatabasePath = PathOf("image_use.db") }, Time);
        Assert.Equal(Time.GetUtcNow() - TimeSpan.FromMinutes(1), other.Find("pulled")!.Value.LastUsedAt);
    }

    [Fact]
    public async Task It_cleans_up_every_third_day()
    {
        using var host = await StartAsync(("CleanupRecurrence", "3d"));

        await LiveAsync(7 * Day);

        Assert.Equal("03-04 00:00 | 03-07 00:00", Cleanups(host));
    }

    [Fact]
    public async Task A_device_that_was_off_at_the_cleanup_time_cleans_up_after_it_starts()
    {
        await WorkAsync(from: "2026-03-10T08:00+01:00", until: "2026-03-10T18:00+01:00");
        await WorkAsync(from: "2026-03-11T08:00+01:00", until: "2026-03-11T18:00+01:00");
        using var host = await StartAsync(("CleanupTime", "03:00"));

        Assert.Equal("03-11 09:00", Cleanups(host));

        async Task WorkAsync(string from, string until)
        {
            Time.StepTo(At(from));
            using var host = await StartAsync(("CleanupTime", "03:00"));
            await LiveAsync(At(until) - At(from));
            await host.StopAsync(Cancel);
        }
    }

    [Theory]
    [InlineData("0", "13:02", "03-01 13:02 | 03-02 13:02", "2026-03-01T13:02:00+01:00 | 2026-03-02T13:02:00+01:00")]
    [InlineData("1h", "13:02", "03-01 14:00 | 03-02 13:02",
        "2026-03-01T14:00:00+01:00, once the clock has been stable for 1h | 2026-03-02T13:02:00+01:00")]
    [InlineData("0", "13:00", "03-02 13:00", "2026-03-02T13:00:00+01:00")]
    public async Task A_fresh_installation_cleans_up_at_the_next_cleanup_time_and_announces_it_at_the_start(
        string clockSettleTime, string at, string expected, string announced)
    {
        using var host = await StartAsync(("CleanupTime", at), ("ClockSettleTime", clockSettleTime));
        Assert.Equal(announced.Split(" | ")[0], Announced());

        await LiveAsync(Day + TimeSpan.FromMinutes(2));

        Assert.Equal(expected, Cleanups(host));
        Assert.StartsWith(announced, Announced(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task When_the_clock_is_set_the_next_cleanup_is_announced_again()
    {
        using var host = await StartAsync();
        await LiveAsync(2 * Hour);
        Time.StepTo(At("2026-03-05T10:00+01:00"));

        await LiveAsync(Hour);

        Assert.Equal(
            "2026-03-02T00:00:00+01:00 | 2026-03-05T11:01:00+01:00, to make up for one that was missed, "
            + "once the clock has been stable for 1h", Announced());
    }

    [Theory]
    [InlineData("ImageAgeCleanupThreshold", "3d", "03-02 00:00 | 03-03 00:00")]
    [InlineData("CleanupRecurrence", "3d", "03-02 00:00 | 03-05 00:00")]
    [InlineData("CleanupTime", "15:00", "03-02 00:00 | 03-02 15:00 | 03-03 15:00")]
    public async Task A_changed_setting_causes_no_extra_cleanup(string name, string value, string expected)
    {
        using (var first = await StartAsync())
        {
            await LiveAsync(25 * Hour);
            await first.StopAsync(Cancel);
        }

        using var second = await StartAsync((name, value));
        await LiveAsync(expected.Contains("03-05", StringComparison.Ordinal) ? 3 * Day : 26 * Hour);

        Assert.Equal(expected, Cleanups(second));
    }

    [Fact]
    public async Task In_a_year_there_is_one_cleanup_a_local_day()
    {
        using var host = await StartAsync(("CleanupTime", "02:30"));
        for (var hour = 0; hour < 365 * 24; hour++)
        {
            Time.Pass(Hour);
            await SleepAsync();
        }

        var days = StoreOf(host).ListPrunes().Reverse()
            .Select(run => DateOnly.FromDateTime(TimeZoneInfo.ConvertTime(run.PrunedAt, Time.Zone).DateTime));
        Assert.Equal(Enumerable.Range(1, 365).Select(new DateOnly(2026, 3, 1).AddDays), days);
    }

    [Fact]
    public async Task Of_two_hosts_on_one_database_the_second_one_waits_until_the_first_has_ended()
    {
        using var first = await StartAsync();
        using var second = Build();
        await second.StartAsync(Cancel);
        Workers = 2;
        await LiveAsync(TimeSpan.FromMinutes(20));
        Assert.Contains("removes images with this database", Log.Messages(LogLevel.Error)[0], StringComparison.Ordinal);

        await first.StopAsync(Cancel);
        first.Dispose();
        Workers = 1;
        await LiveAsync(12 * Hour);

        Assert.Equal("03-02 00:00", Cleanups(second));
    }

    [Fact]
    public async Task A_restart_does_not_clean_up_again()
    {
        using (var first = await StartAsync())
        {
            await LiveAsync(12 * Hour);
            await first.StopAsync(Cancel);
        }

        using var second = await StartAsync();
        await LiveAsync(2 * Hour);

        Assert.Equal("03-02 00:00", Cleanups(second));
    }

    [Fact]
    public async Task A_clock_set_forward_past_the_cleanup_time_makes_it_clean_up_once_the_clock_has_settled()
    {
        using var host = await StartAsync(("CleanupRecurrence", "3d"));
        await LiveAsync(Hour);

        Time.StepTo(At("2026-03-08T15:00+01:00"));
        await LiveAsync(Hour);
        Assert.Equal("", Cleanups(host));
        await LiveAsync(TimeSpan.FromMinutes(1));

        Assert.Equal("03-08 16:01", Cleanups(host));
    }

    [Fact]
    public async Task A_clock_set_back_over_the_cleanup_time_does_not_make_it_clean_up_twice()
    {
        using var host = await StartAsync();
        await LiveAsync(11 * Hour + TimeSpan.FromMinutes(30));

        Time.StepTo(At("2026-03-01T23:30+01:00"));
        await LiveAsync(25 * Hour);

        Assert.Equal("03-02 00:00 | 03-03 00:00", Cleanups(host));
    }

    [Fact]
    public async Task A_fresh_installation_whose_clock_is_set_before_it_settles_waits_for_its_cleanup_time()
    {
        Time.StepTo(At("2025-11-01T12:00+01:00"));
        using var host = await StartAsync();
        await LiveAsync(TimeSpan.FromMinutes(2));

        Time.StepTo(At("2026-03-01T15:00+01:00"));
        await LiveAsync(Day);

        Assert.Equal("03-02 00:00", Cleanups(host));
    }

    [Fact]
    public async Task A_clock_that_was_far_ahead_prevents_no_cleanup_once_it_is_right()
    {
        Time.StepTo(At("2040-03-01T12:00+01:00"));
        using var host = await StartAsync();
        await LiveAsync(Hour);

        Time.StepTo(At("2026-03-01T15:00+01:00"));
        await LiveAsync(2 * Day);

        Assert.Equal("03-01 16:01 | 03-02 00:00 | 03-03 00:00", Cleanups(host));
    }

    [Fact]
    public async Task A_device_that_starts_in_1970_waits_for_its_clock_before_it_judges_ages()
    {
        Engine.Images.Add(OwnEngine.Image("old"));
        using (var yesterday = await StartAsync())
        {
            StoreOf(yesterday).RecordUse("old");
            await LiveAsync(Hour);
            await yesterday.StopAsync(Cancel);
        }

        Time.StepTo(DateTimeOffset.UnixEpoch);
        using var host = await StartAsync();
        await LiveAsync(TimeSpan.FromMinutes(40));
        Time.StepTo(At("2026-03-09T15:00+01:00"));
        await LiveAsync(Hour + TimeSpan.FromMinutes(1));

        Assert.Equal("03-09 16:01", Cleanups(host));
        Assert.Equal(["old"], Engine.Removed);
    }

    [Fact]
    public async Task A_device_that_never_learns_the_time_still_cleans_up()
    {
        using (var yesterday = await StartAsync())
        {
            await LiveAsync(Hour);
            await yesterday.StopAsync(Cancel);
        }

        Time.StepTo(DateTimeOffset.UnixEpoch);
        using var host = await StartAsync();
        await LiveAsync(2 * Hour);

        Assert.Equal("01-01 02:00", Cleanups(host));
    }

    [Fact]
    public async Task A_cleanup_that_cannot_begin_is_logged_and_tried_again_after_15_minutes()
    {
        Engine.Failure = new IOException("The engine is away.");
        using var host = await StartAsync(("CleanupTime", "13:05"), ("ClockSettleTime", "0"));
        await LiveAsync(TimeSpan.FromMinutes(10));
        Assert.Contains("Next try in 15m", Assert.Single(Log.Messages(LogLevel.Error)), StringComparison.Ordinal);
        Assert.Equal("", Cleanups(host));

        Engine.Failure = null;
        await LiveAsync(Hour);

        Assert.Equal("03-01 13:20", Cleanups(host));
    }

    [Fact]
    public async Task A_cleanup_that_fails_in_the_middle_is_completed_after_15_minutes()
    {
        Engine.RemovalFailure = new EngineUnavailableException("The engine is away.");
        using var host = await StartAsync();
        StoreOf(host).RecordUse(["one", "two"]);
        Engine.Images.AddRange([OwnEngine.Image("one"), OwnEngine.Image("two")]);
        Time.Pass(8 * Day);
        await LiveAsync(TimeSpan.FromMinutes(1));
        Assert.Single(Log.Messages(LogLevel.Error));

        Engine.RemovalFailure = null;
        await LiveAsync(Hour);

        Assert.Equal("03-09 13:00 | 03-09 13:15", Cleanups(host));
        Assert.Equal(["two", "one"], Engine.Removed);
        Assert.Single(Log.Messages(LogLevel.Error));
    }

    [Fact]
    public async Task A_full_disk_does_not_postpone_the_cleanup()
    {
        (Engine.UsedPercent, Workers) = (() => 95, 2);
        using var host = await StartAsync(("HighThreshold", "90"), ("CleanupRecurrence", "2d"));

        await LiveAsync(4 * Day);

        Assert.Equal("03-03 00:00 | 03-05 00:00", Cleanups(host));
    }

    [Theory]
    [InlineData(PruneKind.DiskPressure)]
    [InlineData(PruneKind.Manual)]
    public async Task A_run_of_another_kind_does_not_put_the_cleanup_off(PruneKind kind)
    {
        using var host = await StartAsync(("CleanupRecurrence", "2d"));
        await LiveAsync(Day);

        StoreOf(host).Prune([], new PruneOptions { Kind = kind });
        await LiveAsync(Day);

        Assert.Equal("03-03 00:00", Cleanups(host));
    }

    private async Task<IHost> StartAsync(params (string Name, string Value)[] settings)
    {
        var host = Build(settings);
        await host.StartAsync(Cancel);
        await SleepAsync();
        return host;
    }

    /// <summary>The local times of its scheduled cleanups, without runs for a full disk.</summary>
    private string Cleanups(IHost host) => string.Join(" | ", StoreOf(host).ListPrunes()
        .Where(run => run.Kind == PruneKind.Scheduled)
        .Reverse()
        .Select(run => TimeZoneInfo.ConvertTime(run.PrunedAt, Time.Zone)
            .ToString("MM-dd HH:mm", CultureInfo.InvariantCulture)));

    /// <summary>The times of the next cleanup that the log announced.</summary>
    private string Announced()
    {
        const string due = "The next cleanup is due at ";
        return string.Join(" | ", Log.Messages(LogLevel.Information)
            .Where(message => message.StartsWith(due, StringComparison.Ordinal))
            .Select(message => message[due.Length..]));
    }

    private static DateTimeOffset At(string moment) => DateTimeOffset.Parse(moment, CultureInfo.InvariantCulture);
}
