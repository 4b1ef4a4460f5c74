using System.Threading.Channels;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging;

namespace ImageGc.Hosting.Tests;

/// <summary>Which events count as uses, and how a host makes up for the time in which it did not watch.</summary>
public sealed class TrackingTests : HostTest
{
    [Theory]
    [InlineData(EngineEventKind.ImagePulled, "Containers", "tracked")]
    [InlineData(EngineEventKind.ImageLoaded, "Containers", "tracked")]
    [InlineData(EngineEventKind.ImageTagged, "Containers", "tracked")]
    [InlineData(EngineEventKind.ImagePulled, "Pulled", "new tracked")]
    [InlineData(EngineEventKind.ImageLoaded, "Pulled", "new tracked")]
    [InlineData(EngineEventKind.ImageTagged, "Pulled", "tracked")]
    [InlineData(EngineEventKind.ImageTagged, "All", "new tracked")]
    public async Task A_tracked_image_that_arrives_again_counts_as_used_and_TrackImages_decides_about_new_ones(
        EngineEventKind kind, string trackImages, string expected)
    {
        Engine.Events = Channel.CreateUnbounded<EngineEvent>();
        using var host = Build(("WatchContainers", "true"), ("TrackImages", trackImages));
        StoreOf(host).RecordUse("tracked");
        Time.Pass(TimeSpan.FromDays(8));
        await host.StartAsync(Cancel);
        await UntilAsync(() => Engine.Cursors.Count > 0);

        Engine.Images.AddRange([OwnEngine.Image("tracked", "agent:1"), OwnEngine.Image("new", "module:1")]);
        foreach (var name in (string[])["module:1", "agent:1"])
            Engine.Events.Writer.TryWrite(new() { Kind = kind, ImageReference = name });
        await UntilAsync(() => StoreOf(host).Find("tracked")!.Value.LastUsedAt == Time.GetUtcNow());
        await host.StopAsync(Cancel);

        Assert.Equal(expected, string.Join(' ', StoreOf(host).List().Select(image => image.ImageId).Order()));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_names_of_an_image_are_known_as_soon_as_a_container_uses_it(bool isThereBefore)
    {
        Engine.Events = Channel.CreateUnbounded<EngineEvent>();
        Engine.Images.Add(OwnEngine.Image("agent", "registry/agent:1") with { SizeBytes = 310 });
        if (isThereBefore)
            Engine.Containers.Add(OwnEngine.Container("1", "agent"));
        using var host = Build(("WatchContainers", "true"), ("Enabled", "false"));
        await host.StartAsync(Cancel);
        await UntilAsync(() => Log.Events().Contains(105));

        Engine.Containers.Add(OwnEngine.Container("2", "agent"));
        Engine.Events.Writer.TryWrite(new() { Kind = EngineEventKind.ContainerCreated, ContainerId = "2" });
        await UntilAsync(() => StoreOf(host).Find("agent") is { SizeBytes: not null });

        Assert.Equal(["registry/agent:1"], StoreOf(host).Find("agent")!.Value.Names);
        await host.StopAsync(Cancel);
    }

    [Fact]
    public async Task Only_what_containers_with_the_label_of_the_owner_use_is_tracked()
    {
        static EngineContainer Ours(string id, string image) => OwnEngine.Container(id, image) with
        {
            Labels = new Dictionary<string, string> { ["owner"] = "us=1" },
        };

        Engine.Events = Channel.CreateUnbounded<EngineEvent>();
        Engine.Containers.AddRange([Ours("1", "ours"), OwnEngine.Container("2", "theirs")]);
        using var host = Build(("WatchContainers", "true"), ("OwnerLabel", "owner=us=1"));
        await host.StartAsync(Cancel);
        await UntilAsync(() => Log.Events().Contains(105));

        Engine.Containers.AddRange([OwnEngine.Container("3", "theirs-too"), Ours("4", "new")]);
        foreach (var id in (string[])["3", "4"])
            Engine.Events.Writer.TryWrite(new() { Kind = EngineEventKind.ContainerCreated, ContainerId = id });
        await UntilAsync(() => StoreOf(host).Find("new") is not null);
        await host.StopAsync(Cancel);

        Assert.Equal(["new", "ours"], StoreOf(host).List().Select(image => image.ImageId).Order());
    }

    [Fact]
    public async Task With_TrackImages_All_every_image_is_tracked_as_used_when_it_is_first_seen()
    {
        using var host = Build(("WatchContainers", "true"), ("TrackImages", "All"));
        Engine.Images.AddRange([OwnEngine.Image("a"), OwnEngine.Image("b")]);

        await Collector(host).RunAsync(Cancel);
        Assert.All(StoreOf(host).List(), image => Assert.Equal(Time.GetUtcNow(), image.LastUsedAt));
        Assert.Empty(Engine.Removed);
        Time.Pass(TimeSpan.FromDays(8));
        await Collector(host).RunAsync(Cancel);

        Assert.Equal(["a", "b"], Engine.Removed);
    }

    [Theory]
    [InlineData("owner")]
    [InlineData("owner=edge")]
    public async Task Only_images_of_containers_with_OwnerLabel_are_recorded(string label)
    {
        using var host = Build(("WatchContainers", "true"), ("OwnerLabel", label));
        Engine.Images.AddRange([OwnEngine.Image("ours"), OwnEngine.Image("theirs")]);
        Engine.Containers.Add(OwnEngine.Container("1", "ours") with
        {
            Labels = new Dictionary<string, string> { ["owner"] = "edge" },
        });
        Engine.Containers.Add(OwnEngine.Container("2", "theirs"));

        await Collector(host).RunAsync(Cancel);

        Assert.Equal(["ours"], StoreOf(host).List().Select(image => image.ImageId));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Containers_that_came_and_went_unwatched_count_as_uses_of_their_images(bool once)
    {
        Engine.Events = Channel.CreateUnbounded<EngineEvent>();
        Engine.Images.AddRange([OwnEngine.Image("agent"), OwnEngine.Image("job", "job:1")]);
        using (var yesterday = Build(("WatchContainers", "true")))
        {
            await yesterday.StartAsync(Cancel);
            StoreOf(yesterday).RecordUse("job");
            Engine.Containers.Add(OwnEngine.Container("1", "agent"));
            Happens(EngineEventKind.ContainerCreated, "1", "agent", "7");
            // The list of containers may record the image before its event comes.
            await UntilAsync(() => StoreOf(yesterday).FindNote("cursor") == "7");
            await yesterday.StopAsync(Cancel);
        }

        Time.Pass(TimeSpan.FromDays(8));
        Remember(EngineEventKind.ContainerCreated, "0", "old:1", "6");
        Remember(EngineEventKind.ContainerCreated, "2", "job:1", "8");
        Remember(EngineEventKind.ContainerRemoved, "2", "job:1", "9");
        using var host = Build(("WatchContainers", "true"));
        if (once)
            await Collector(host).RunAsync(Cancel);
        else
            await host.StartAsync(Cancel);
        await UntilAsync(() => StoreOf(host).FindNote("cursor") == "9");
        await host.StopAsync(Cancel);

        Assert.Equal("7", Engine.Cursors[1]);
        Assert.Equal(Time.GetUtcNow(), StoreOf(host).Find("job")!.Value.LastUsedAt);
        Assert.Empty(Engine.Removed);
    }

    [Fact]
    public async Task An_event_at_which_the_engine_hangs_is_tried_twice_and_skipped()
    {
        Engine.Events = Channel.CreateUnbounded<EngineEvent>();
        Engine.Images.Add(OwnEngine.Image("agent"));
        Remember(EngineEventKind.ImagePulled, null, "hangs", "1");
        Remember(EngineEventKind.ContainerCreated, "gone", "agent", "2");
        using var host = Build(("WatchContainers", "true"));
        StoreOf(host).RecordUse([], new Dictionary<string, string> { ["cursor"] = "0" });

        await Collector(host).RunAsync(Cancel);

        Assert.Equal(["agent"], StoreOf(host).List().Select(image => image.ImageId));
        Assert.Equal(["Skipped an event, ImagePulled of hangs, which could not be resolved: It hangs."],
            Log.Messages(LogLevel.Warning));
        Assert.Equal(2, Engine.Hung);
    }

    [Fact]
    public async Task A_use_that_could_not_be_recorded_is_recorded_once_that_is_possible()
    {
        Engine.Events = Channel.CreateUnbounded<EngineEvent>();
        using var host = Build(("WatchContainers", "true"), ("BusyTimeout", "00:00:00.05"));
        await host.StartAsync(Cancel);
        await UntilAsync(() => Engine.Cursors.Count > 0);
        using var other = new SqliteConnection($"Data Source={PathOf("image_use.db")};Pooling=false");
        other.Open();
        using (other.BeginTransaction())
        {
            Engine.Containers.Add(OwnEngine.Container("1", "agent"));
            Engine.Events.Writer.TryWrite(new() { Kind = EngineEventKind.ContainerCreated, ContainerId = "1" });
            await UntilAsync(() => Log.Messages(LogLevel.Warning).Count > 0);
        }

        await UntilAsync(() => StoreOf(host).Find("agent") is not null, Time, TimeSpan.FromSeconds(1));
        await host.StopAsync(Cancel);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task An_idle_host_writes_nothing_in_an_hour_even_if_each_stream_ends_at_once(bool endsAtOnce)
    {
        Engine.Events = Channel.CreateUnbounded<EngineEvent>();
        Engine.Containers.Add(OwnEngine.Container("1", "agent"));
        using var host = Build(("WatchContainers", "true"), ("Enabled", "false"));
        await host.StartAsync(Cancel);
        await UntilAsync(() => StoreOf(host).Find("agent") is not null
            && HostStatus.ReadFrom(StoreOf(host)) is { WatchingSince: not null });
        if (endsAtOnce)
        {
            Engine.Events.Writer.Complete();
            await UntilAsync(() => ProblemsOf(host) is [{ Part: "watching" }], Time, TimeSpan.FromMinutes(1));
        }

        using var other = new SqliteConnection($"Data Source={PathOf("image_use.db")};Pooling=false");
        other.Open();
        var before = Version(other);

        // A minute is the longest pause between two tries.
        await UntilAsync(() => Engine.Cursors.Count >= (endsAtOnce ? 60 : 2), Time, TimeSpan.FromMinutes(1));

        Assert.Equal(before, Version(other));
        Assert.InRange(Log.Messages(LogLevel.Warning).Count, endsAtOnce ? 1 : 0, endsAtOnce ? 8 : 0);
        await host.StopAsync(Cancel);
    }

    [Fact]
    public async Task A_stream_of_events_that_never_begins_is_reported_when_it_is_renewed()
    {
        (Engine.Events, Engine.IsSilent) = (Channel.CreateUnbounded<EngineEvent>(), true);
        using var host = Build(("WatchContainers", "true"), ("Enabled", "false"));
        await host.StartAsync(Cancel);
        await UntilAsync(() => Engine.Cursors.Count == 1);

        Time.Pass(TimeSpan.FromHours(1));
        await UntilAsync(() => Log.Messages(LogLevel.Warning).Count > 0);
        await host.StopAsync(Cancel);

        Assert.Equal(
            "Could not watch the engine: The engine did not begin to report its events within 1h. Next try in 1s. "
            + "Uses until then are recorded afterwards",
            Log.Messages(LogLevel.Warning)[0]);
    }

    /// <remarks>In an update, the name already refers to the new image when the host asks for it.</remarks>
    [Theory]
    [InlineData("registry/app:1", "registry/app:1")]
    [InlineData("registry/app:latest", "registry/app")]
    public async Task A_container_removed_unwatched_used_the_image_that_its_name_meant_before(
        string name, string written)
    {
        Engine.Events = Channel.CreateUnbounded<EngineEvent>();
        Engine.Images.AddRange([OwnEngine.Image("old", name), OwnEngine.Image("other", "registry/app:2")]);
        Engine.Containers.Add(OwnEngine.Container("web", "old"));
        using var host = Build(("WatchContainers", "true"), ("ClockSettleTime", "0"));
        StoreOf(host).RecordUse(["old", "other"], new Dictionary<string, string> { ["cursor"] = "1" });
        StoreOf(host).Describe([new("old", [name]), new("other", ["registry/app:2"])]);

        Time.Pass(TimeSpan.FromDays(8));
        Engine.Containers.Clear();
        Engine.Images[0] = OwnEngine.Image("old");
        Engine.Images.Add(OwnEngine.Image("new", name));
        Remember(EngineEventKind.ContainerRemoved, "web", written, "2");
        Engine.Events.Writer.TryWrite(new() { Kind = EngineEventKind.Started, Cursor = "2" });
        await Collector(host).RunAsync(Cancel);

        Assert.Equal(["other"], Engine.Removed);
        Assert.Equal(Time.GetUtcNow(), StoreOf(host).Find("old")!.Value.LastUsedAt);
    }

    private static long Version(SqliteConnection connection)
    {
        using var command = new SqliteCommand("PRAGMA data_version", connection);
        return (long)command.ExecuteScalar()!;
    }

    private void Happens(EngineEventKind kind, string? container, string image, string cursor) =>
        Engine.Events!.Writer.TryWrite(EventOf(kind, container, image, cursor));

    private void Remember(EngineEventKind kind, string? container, string image, string cursor) =>
        Engine.Remembered.Add(EventOf(kind, container, image, cursor));

    private static EngineEvent EventOf(EngineEventKind kind, string? container, string image, string cursor) =>
        new() { Kind = kind, ContainerId = container, ImageReference = image, Cursor = cursor };

}
