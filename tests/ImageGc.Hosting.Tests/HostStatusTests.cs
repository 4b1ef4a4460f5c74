using ImageGc.Sqlite;
using ImageGc.Sqlite.Tests;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace ImageGc.Hosting.Tests;

/// <summary>The status that a host stores in the database, where other programs read it.</summary>
public sealed class HostStatusTests : HostTest
{
    [Fact]
    public async Task A_host_stores_its_status_only_when_it_changes()
    {
        Workers = 2;
        using var host = Build(
            ("WatchContainers", "true"), ("ImageAgeCleanupThreshold", "3d"), ("KeepImages", "registry/agent:*, tool"));
        await host.StartAsync(Cancel);
        await UntilAsync(() =>
            HostStatus.ReadFrom(StoreOf(host)) is { NextRunAt: not null, WatchingSince: not null });

        var status = HostStatus.ReadFrom(StoreOf(host))!;
        Assert.Equal(
            (SteppingTime.Start, SteppingTime.Start, SteppingTime.Start.Date.AddDays(1), false),
            (status.StartedAt, status.WatchingSince, status.NextRunAt!.Value.UtcDateTime, status.IsOnce));
        Assert.Null(status.StoppedAt);
        Assert.Empty(status.Problems);
        Assert.Equal(("3d", "registry/agent:*, tool"),
            (status.Settings["ImageAgeCleanupThreshold"], status.Settings["KeepImages"]));
        Assert.Equal(
            "Watching since 2026-03-01 12:00:00Z, next cleanup at 2026-03-02 00:00:00Z", status.ToString());

        var before = LogLength();
        await LiveAsync(TimeSpan.FromHours(3));
        Assert.Equal(before, LogLength());

        await host.StopAsync(Cancel);
        Assert.Equal(
            "Stopped at 2026-03-01 15:00:00Z", HostStatus.ReadFrom(StoreOf(host))!.ToString());
    }

    [Fact]
    public async Task The_last_problem_is_known_after_it_is_over_and_after_a_restart()
    {
        (Engine.Failure, Workers) = (new EngineUnavailableException("The engine is away."), 2);
        using (var host = Build(("WatchContainers", "true")))
        {
            await host.StartAsync(Cancel);
            await UntilAsync(
                () => ProblemsOf(host).Any(problem => problem.Part == "watching"),
                Time, TimeSpan.FromSeconds(10));
            Assert.StartsWith("Watching has failed since 2026-03-01 12:0",
                HostStatus.ReadFrom(StoreOf(host))!.ToString(), StringComparison.Ordinal);
            Engine.Failure = null;
            await LiveAsync(TimeSpan.FromMinutes(16));
            Assert.Empty(ProblemsOf(host));
            Assert.Equal("The engine is away.", HostStatus.ReadFrom(StoreOf(host))!.LastProblem!.Message);
            await host.StopAsync(Cancel);
        }

        using var next = Build(("WatchContainers", "true"));
        await next.StartAsync(Cancel);
        await LiveAsync(TimeSpan.FromMinutes(1));

        Assert.Equal("The engine is away.", HostStatus.ReadFrom(StoreOf(next))!.LastProblem!.Message);
        await next.StopAsync(Cancel);
    }

    /// <remarks>One part of the host composes its report before another part takes over the status.</remarks>
    [Fact]
    public void A_report_during_the_takeover_of_a_status_does_not_lose_the_last_problem()
    {
        var listener = new RecordingListener();
        Listener = listener;
        using var host = Build();
        StoreOf(host).RecordUse([], new Dictionary<string, string>
        {
            ["host"] = """
                {
                  "startedAt": "2026-02-28T10:00:00Z",
                  "lastProblem": { "part": "disk", "since": "2026-02-28T11:00:00Z", "message": "It is full." }
                }
                """,
        });
        var state = host.Services.GetRequiredService<HostState>();
        listener.During = state.Own; // After the report was composed, before it is stored.

        state.Report(HostPart.Watching, failure: null, since: null);

        Assert.Equal("It is full.", HostStatus.ReadFrom(StoreOf(host))!.LastProblem!.Message);
    }

    [Fact]
    public async Task A_disabled_host_says_that_it_removes_nothing_and_a_listener_receives_each_status()
    {
        Workers = 1;
        var listener = new RecordingListener();
        Listener = listener;
        using var host = Build(("Enabled", "false"), ("WatchContainers", "true"));
        await host.StartAsync(Cancel);
        await UntilAsync(() => listener.Lines.Contains("Watching since 2026-03-01 12:00:00Z, no cleanup planned"));
        await host.StopAsync(Cancel);

        Assert.Equal("Stopped at 2026-03-01 12:00:00Z", listener.Lines[^1]);
        Assert.Equal("false", HostStatus.ReadFrom(StoreOf(host))!.Settings["Enabled"]);
    }

    [Fact]
    public async Task A_single_run_stores_that_it_ran_once_and_why_it_failed()
    {
        Engine.Failure = new EngineUnavailableException("The engine is away.");
        using (var failed = Build())
        {
            var collector = Collector(failed);
            await Assert.ThrowsAsync<EngineUnavailableException>(() => collector.RunAsync(Cancel));
            var status = HostStatus.ReadFrom(StoreOf(failed))!;
            Assert.Equal((true, SteppingTime.Start), (status.IsOnce, status.StoppedAt));
            Assert.Equal("cleanup", Assert.Single(status.Problems).Part);
        }

        Engine.Failure = null;
        using var host = Build();
        await Collector(host).RunAsync(Cancel);
        Assert.Empty(ProblemsOf(host));
    }

    [Fact]
    public void A_database_without_a_host_or_with_an_unreadable_status_has_none()
    {
        using var host = Build();
        Assert.Null(HostStatus.ReadFrom(StoreOf(host)));
        StoreOf(host).RecordUse([], new Dictionary<string, string> { ["host"] = "{" });
        Assert.Null(HostStatus.ReadFrom(StoreOf(host)));
    }

    [Fact]
    public void Stored_settings_are_read_back_as_they_were()
    {
        (string Name, string Value)[] all =
        [
            ("Enabled", "false"), ("CleanupRecurrence", "2d"), ("CleanupTime", "03:30"),
            ("ImageAgeCleanupThreshold", "36h"), ("FlatFilePath", "/x/image_use"), ("Durability", "Normal"),
            ("BusyTimeout", "5s"), ("ClockSettleTime", "0"), ("KeepImages", "[\"a,b\",\"c\"]"),
            ("KeepLabels", "keep=a"), ("KeepNewest", "2"), ("WatchContainers", "true"), ("TrackImages", "Pulled"),
            ("HighThreshold", "85%"), ("LowThreshold", "70%"), ("MinimumAge", "1h"), ("DiskCheckInterval", "30s"),
            ("ImageDirectory", "/var"),
        ];
        using var host = Build(all);
        var options = host.Services.GetRequiredService<IOptions<ImageGarbageCollectionOptions>>().Value;
        (options.OwnerLabel, options.TrackImages) = ("owner", TrackImages.Containers);
        var noted = options.ToSettings();

        var read = new ImageGarbageCollectionOptions();
        new OptionsBinder(
            new ConfigurationBuilder()
                .AddInMemoryCollection(noted.ToDictionary(one => one.Key, one => (string?)one.Value)).Build(),
            []).Configure(read);

        Assert.Equal(["a,b", "c"], read.KeepImages);
        Assert.Equivalent(noted, read.ToSettings(), strict: true);
        Assert.Equal(
            typeof(ImageGarbageCollectionOptions).GetProperties().Select(property => property.Name)
                .Except(["DatabasePath"]).Order(),
            noted.Keys.Order());
        Assert.All(all.Where(one => one.Name is not ("TrackImages" or "ClockSettleTime")),
            one => Assert.Equal(one.Value, noted[one.Name]));
    }

    [Fact]
    public void A_threshold_in_bytes_is_read_back_to_the_byte()
    {
        using var host = Build(("HighThreshold", "1234567890B"), ("LowThreshold", "2GB"));
        var noted = host.Services.GetRequiredService<IOptions<ImageGarbageCollectionOptions>>().Value.ToSettings();

        using var next = Build(("HighThreshold", noted["HighThreshold"]), ("LowThreshold", noted["LowThreshold"]));
        var read = next.Services.GetRequiredService<IOptions<ImageGarbageCollectionOptions>>().Value;
        Assert.Equal(
            (1_234_567_890, 2_000_000_000),
            (read.HighThreshold!.Value.FreeBytes, read.LowThreshold!.Value.FreeBytes));
    }

    [Fact]
    public async Task An_image_is_kept_by_hand_by_the_names_that_the_engine_has_now()
    {
        using var host = Build();
        StoreOf(host).RecordUse(Add("registry/app:1"));
        StoreOf(host).Keep("registry/app");
        Time.Pass(TimeSpan.FromDays(8));

        var verdicts = await Collector(host).PreviewAsync(Cancel);

        Assert.Equal((PruneReason.Kept, "by hand, as registry/app"), (verdicts[0].Reason, verdicts[0].KeptBy));
    }

    [Fact]
    public async Task A_listener_that_throws_does_not_stop_the_host()
    {
        Listener = new Throwing();
        using var host = Build();
        await host.StartAsync(Cancel);
        await UntilAsync(() => HostStatus.ReadFrom(StoreOf(host)) is { NextRunAt: not null });
        Assert.False(host.Services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping
            .IsCancellationRequested);
        await host.StopAsync(Cancel);
    }

    [Fact]
    public async Task An_untracked_image_is_listed_with_the_reason()
    {
        using var host = Build(("OwnerLabel", "owner=edge"), ("WatchContainers", "true"));
        StoreOf(host).RecordUse(Add("tracked:1"));
        var (unused, foreign, fresh) = (Add("unused:1"), Add("foreign:1"), Add("fresh:1"));
        Engine.Containers.Add(new EngineContainer { Id = "theirs", ImageIds = [foreign] });
        Engine.Containers.Add(new EngineContainer
        {
            Id = "1",
            Name = "ours",
            ImageIds = [fresh],
            Labels = new Dictionary<string, string> { ["owner"] = "edge" },
        });

        var untracked = await Collector(host).ListUntrackedAsync(Cancel);

        Assert.Equal(
            new Dictionary<string, string>
            {
                [unused] = "no container has used it so far",
                [foreign] = "only containers without the label owner=edge use it: theirs",
                [fresh] = "ours uses it; that use is not recorded yet",
            },
            untracked.ToDictionary(image => image.Image.ImageId, image => image.Why));
    }

    /// <summary>The length of the database's log, which grows with each change.</summary>
    private long LogLength() => new FileInfo(PathOf("image_use.db-wal")).Length;

    private string Add(string name)
    {
        Engine.Images.Add(new EngineImage { ImageId = $"id-of-{name}", Names = [name] });
        return Engine.Images[^1].ImageId;
    }

    private sealed class Throwing : IProgress<HostStatus>
    {
        public void Report(HostStatus value) => throw new IOException("Nobody listens.");
    }

    private sealed class RecordingListener : IProgress<HostStatus>
    {
        public List<string> Lines { get; } = [];

        public Action? During { get; set; }

        public void Report(HostStatus value)
        {
            Lines.Add(value.ToString());
            During?.Invoke();
        }
    }
}
