using System.Text.Json;

namespace ImageGc.Cli.Tests;

/// <summary>`imagegc status`: whether the collection of images works on this device.</summary>
public sealed class StatusCommandTests : EngineTest
{
    [Fact]
    public async Task A_daemon_that_works_is_well()
    {
        AddTracked(TimeSpan.FromDays(8), 310_000_000, "registry/app:1");
        AddTracked(TimeSpan.FromDays(1), 20_000_000, "registry/app:2");
        AddTracked(TimeSpan.FromDays(9), 5_000_000, "registry/agent:1");
        Docker.AddImage("debug:latest");
        Docker.AddContainer("registry/app:2");
        using var daemon = await StartDaemonAsync(("KeepImages", "registry/agent"), ("ImageDirectory", "/"));

        var status = Run("status");

        Assert.Equal("", status.Error);
        Assert.Equal(
            [
                "state\tall is well",
                "daemon\tWatching since 2026-03-01 12:00:00Z, next cleanup at 2026-03-02 00:00:00Z",
                "last-run\tnone",
                "next-run\t2026-03-02T00:00:00Z",
                "last-problem\tnone",
                "settings\tImageAgeCleanupThreshold 7d, CleanupTime 00:00, CleanupRecurrence 1d, "
                    + "KeepImages registry/agent, ImageDirectory / (from the running daemon)",
                $"engine\t{Docker.Address}",
                "tracked\t3",
                "untracked\t1",
                "in-use\t1",
                "kept\t1",
                "expired\t1",
                "image-bytes\t335001000",
                "expired-bytes\t310000000",
            ],
            status.Lines.Where(line => !line.StartsWith("disk", StringComparison.Ordinal)
                && !line.StartsWith("database", StringComparison.Ordinal)));
        Assert.Matches(@"\ndisk\t\d+% full, [0-9.]+ .B free\n", status.Output);
        Assert.Equal(ExitCode.Done, status.ExitCode);
        await daemon.StopAsync(Cancel);
    }

    [Fact]
    public async Task A_daemon_that_stopped_or_was_killed_is_not_well()
    {
        using (var daemon = await StartDaemonAsync())
        {
            using (var store = Open())
                store.BackupTo(PathOf("killed.db"));
            await daemon.StopAsync(Cancel);
        }

        Time.Now += TimeSpan.FromHours(3);
        Assert.Equal(
            [
                "state\tThe daemon is not running. With systemd, run 'systemctl start imagegc'.",
                "daemon\tstopped 3 hours ago",
            ],
            Failing(Ask("status")).Lines[..2]);
        Assert.Equal(
            [
                "state\tThe daemon is not running. With systemd, run 'systemctl start imagegc'.",
                "daemon\tnot running; it started 3 hours ago and ended without a clean stop",
            ],
            Failing(RunAnywhere("status", "--db", PathOf("killed.db"), "--engine", $"{Docker.Address}")).Lines[..2]);
    }

    [Fact]
    public void A_database_without_a_daemon_says_so()
    {
        Record(TimeSpan.Zero, Id(1));

        Assert.Equal(
            [
                "state\tThe daemon is not running. With systemd, run 'systemctl start imagegc'.",
                "daemon\tnone has run with this database so far",
            ],
            Failing(Ask("status")).Lines[..2]);
    }

    [Fact]
    public async Task An_engine_that_is_away_is_shown_and_its_figures_are_unknown()
    {
        using var daemon = await StartDaemonAsync();
        Docker.Dispose();

        var status = Failing(Run("status"));

        Assert.StartsWith("state\tThe engine at ", status.Lines[0], StringComparison.Ordinal);
        Assert.Contains("untracked\t-", status.Lines);
        Assert.Contains("expired\t-", status.Lines);
        await daemon.StopAsync(Cancel);
    }

    [Fact]
    public void A_device_that_cleans_up_by_cron_is_well_until_it_misses_two_nights()
    {
        AddTracked(TimeSpan.FromDays(8), 310_000_000, "registry/app:1");
        Assert.Equal(ExitCode.Done, Ask("run", "--once").ExitCode);
        Time.Now += TimeSpan.FromHours(5);

        var status = Ask("status");

        Assert.Equal(
            [
                "state\tall is well", "daemon\tnone; 'imagegc run --once' last ran 5 hours ago",
                "last-run\t2026-03-01T12:00:00Z removed 1 of 1, 0 failed", "next-run\t-",
            ],
            status.Lines[..4].Select(line => line.Split(", freed")[0]));
        Assert.Equal(ExitCode.Done, status.ExitCode);

        Time.Now -= TimeSpan.FromDays(2);
        Assert.Equal(
            "state\tThe last cleanup is dated 2026-03-01T12:00:00Z, in the future: the clock was wrong then, or is "
            + "now. Run 'timedatectl'.",
            Failing(Ask("status")).Lines[0]);

        Time.Now += TimeSpan.FromDays(4);
        Assert.Equal(
            "state\tNo cleanup has run since 2026-03-01T12:00:00Z, and CleanupRecurrence is 1d.",
            Failing(Ask("status")).Lines[0]);
    }

    [Fact]
    public void A_device_that_prunes_by_cron_without_a_host_is_well_until_it_misses_two_nights()
    {
        AddTracked(TimeSpan.FromDays(1), 310_000_000, "registry/app:1");
        Run("prune", "--in-use", Id(9));

        Assert.Equal(["state\tall is well", "daemon\tnone; the last prune was just now"], Ask("status").Lines[..2]);

        Time.Now += TimeSpan.FromDays(3);
        Assert.StartsWith(
            "state\tNo cleanup has run since 2026-03-01T12:00:00Z", Failing(Ask("status")).Lines[0],
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_cleanup_that_is_overdue_is_not_well()
    {
        using var daemon = await StartDaemonAsync();
        Time.Now += TimeSpan.FromHours(14);

        Assert.Equal(
            "state\tThe cleanup that was due at 2026-03-02T00:00:00Z has not ended.", Failing(Run("status")).Lines[0]);
        await daemon.StopAsync(Cancel);
    }

    [Fact]
    public async Task A_disk_that_is_too_full_is_shown_before_the_daemon_has_checked_it()
    {
        Record(TimeSpan.Zero, Docker.AddImage("registry/app:1"));
        using var daemon = await StartDaemonAsync(("HighThreshold", "1%"), ("ImageDirectory", "/"));

        Assert.Matches(
            @"\ndisk\t\d+% full, .*; HighThreshold is 1%: unused images are removed early\n", Run("status").Output);
        await daemon.StopAsync(Cancel);
    }

    [Fact]
    public void Status_says_why_a_run_by_cron_failed()
    {
        Record(TimeSpan.Zero, Id(1));
        Docker.Before = request => request.EndsWith("/containers/json", StringComparison.Ordinal)
            ? ImageGc.Docker.Tests.FakeDocker29.Refuse(System.Net.HttpStatusCode.InternalServerError, "no containers")
            : null;
        Failing(Ask("run", "--once"));
        Docker.Before = _ => null;

        var status = Failing(Ask("status"));

        Assert.Matches("^state\tCleanup has failed since .*no containers", status.Lines[0]);
        Assert.Contains(status.Lines, line =>
            line.StartsWith("last-problem\t2026-03-01T12:00:00Z cleanup: ", StringComparison.Ordinal));
    }

    [Fact]
    public void An_image_that_could_not_be_removed_last_night_is_not_well()
    {
        var stuck = AddTracked(TimeSpan.FromDays(8), 310_000_000, "registry/app:1");
        Docker.Before = request => request.StartsWith("DELETE", StringComparison.Ordinal)
            ? ImageGc.Docker.Tests.FakeDocker29.Refuse(System.Net.HttpStatusCode.InternalServerError, "it is stuck")
            : null;
        Failing(Ask("run", "--once"));

        Assert.Equal(
            "state\tregistry/app:1 could not be removed. Each cleanup tries again. The log says why.",
            Failing(Ask("status")).Lines[0]);
        Assert.Equal([stuck], TrackedIds());

        Run("keep", "registry/app:1");
        Assert.Equal("state\tall is well", Ask("status").Lines[0]); // It is to stay now.
    }

    [Fact]
    public void Status_says_that_a_killed_run_by_cron_did_not_finish()
    {
        Record(TimeSpan.Zero, Id(1));
        Note("""{ "startedAt": "2026-03-01T12:00:00Z", "isOnce": true }""");

        Assert.Equal("state\tThe last run did not finish.", Failing(Ask("status")).Lines[0]);
    }

    [Fact]
    public void Problems_of_an_earlier_daemon_end_with_a_successful_run_by_cron()
    {
        Record(TimeSpan.Zero, Docker.AddImage("registry/app:1"));
        Note("""
            {
              "startedAt": "2026-02-28T10:00:00Z",
              "problems": [
                { "part": "watching", "since": "2026-02-28T11:00:00Z", "message": "The engine is away." },
                { "part": "disk", "since": "2026-02-28T11:00:00Z", "message": "The disk is full." }
              ]
            }
            """);
        Failing(Ask("status"));

        Assert.Equal(ExitCode.Done, Ask("run", "--once").ExitCode);

        Assert.Equal("state\tall is well", Ask("status").Lines[0]);
    }

    [Fact]
    public async Task Status_in_JSON_has_health_settings_and_times()
    {
        using var daemon = await StartDaemonAsync(("ImageAgeCleanupThreshold", "36h"));

        var status = JsonDocument.Parse(Run("status", "--json").Output).RootElement;

        Assert.True(status.GetProperty("isWell").GetBoolean());
        Assert.Equal("36h", status.GetProperty("settings").GetProperty("ImageAgeCleanupThreshold").GetString());
        Assert.Equal("2026-03-01T12:00:00Z", status.GetProperty("watchingSince").GetString());
        await daemon.StopAsync(Cancel);
    }

    private void Note(string host)
    {
        using var store = Open();
        store.RecordUse([], new Dictionary<string, string> { ["host"] = host });
    }

    private static Result Failing(Result result)
    {
        Assert.Equal(ExitCode.Failed, result.ExitCode);
        return result;
    }
}
