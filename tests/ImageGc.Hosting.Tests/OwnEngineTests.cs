using System.Threading.Channels;
using ImageGc.Sqlite;
using Microsoft.Extensions.Logging;

namespace ImageGc.Hosting.Tests;

/// <summary>A host with an engine that has nothing to do with Docker.</summary>
public sealed class OwnEngineTests : HostTest
{
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);

    [Fact]
    public async Task Without_events_the_containers_are_compared_each_minute()
    {
        Workers = 3; // The timers of the cleanup, of the next poll, and of the hourly renewal.
        using var host = Build(("WatchContainers", "true"));
        var store = StoreOf(host);
        Engine.Images.AddRange([OwnEngine.Image("agent"), OwnEngine.Image("mounted"), OwnEngine.Image("module")]);
        Engine.Containers.Add(OwnEngine.Container("first", "agent", "mounted"));
        await host.StartAsync(Cancel);
        await UntilAsync(() => store.Count() == 2);
        Assert.Equal(["agent", "mounted"], Tracked(store));

        Engine.Containers.Add(OwnEngine.Container("second", "module"));
        await LiveAsync(Minute);
        var created = store.Find("module");
        await LiveAsync(10 * Minute);
        Assert.Equal(created, store.Find("module")); // Nothing is written while nothing changes.
        Engine.Containers.RemoveAll(container => container.Id == "second");
        await LiveAsync(Minute);

        Assert.Equal(["agent", "module", "mounted"], Tracked(store));
        Assert.Equal(created!.Value.LastUsedAt + (11 * Minute), store.Find("module")!.Value.LastUsedAt);
        await host.StopAsync(Cancel);
    }

    [Fact]
    public async Task With_events_the_images_of_containers_are_recorded_as_they_come_and_go()
    {
        Engine.Events = Channel.CreateUnbounded<EngineEvent>();
        Engine.Images.AddRange([OwnEngine.Image("agent"), OwnEngine.Image("short-lived", "job:1")]);
        using var host = Build(("WatchContainers", "true"));
        var store = StoreOf(host);
        await host.StartAsync(Cancel);

        Engine.Containers.Add(OwnEngine.Container("a", "agent"));
        Happens(EngineEventKind.ContainerCreated, "a", "agent:1");
        Happens(EngineEventKind.ContainerCreated, "gone already", "job:1");
        await UntilAsync(() => store.Find("short-lived") is not null);

        Assert.Equal(["agent", "short-lived"], Tracked(store));
        await host.StopAsync(Cancel);
    }

    [Fact]
    public async Task A_container_has_used_all_its_images_until_it_is_removed()
    {
        Engine.Events = Channel.CreateUnbounded<EngineEvent>();
        Engine.Images.AddRange([OwnEngine.Image("agent"), OwnEngine.Image("mounted")]);
        using var host = Build(("WatchContainers", "true"));
        var store = StoreOf(host);
        await host.StartAsync(Cancel);
        await UntilAsync(() => Log.Events().Contains(105));
        Engine.Containers.Add(OwnEngine.Container("a", "agent", "mounted"));
        Happens(EngineEventKind.ContainerCreated, "a", "agent");
        await UntilAsync(() => store.Count() == 2);

        Time.Pass(30 * Minute);
        Engine.Containers.Clear();
        Happens(EngineEventKind.ContainerRemoved, "a", "agent");
        await UntilAsync(() => store.Find("agent")!.Value.LastUsedAt == Time.GetUtcNow());

        Assert.Equal(Time.GetUtcNow(), store.Find("mounted")!.Value.LastUsedAt);
        await host.StopAsync(Cancel);
    }

    [Fact]
    public async Task After_a_long_break_a_stream_that_has_lasted_is_tried_again_after_a_second()
    {
        Engine.Events = Channel.CreateUnbounded<EngineEvent>();
        Engine.Failure = new EngineUnavailableException("It is away.");
        using var host = Build(("WatchContainers", "true"), ("Enabled", "false"));
        await host.StartAsync(Cancel);
        await UntilAsync(() => PassAMinute() && ProblemsOf(host).Count > 0);
        Engine.Failure = null;
        await UntilAsync(() => PassAMinute() && ProblemsOf(host).Count == 0);
        Time.Pass(2 * Minute);

        Engine.Events.Writer.Complete();
        await UntilAsync(() => Log.Messages(LogLevel.Warning)[^1].Contains("ended the stream"));

        Assert.Contains("Next try in 1s", Log.Messages(LogLevel.Warning)[^1], StringComparison.Ordinal);
        await host.StopAsync(Cancel);

        bool PassAMinute()
        {
            Time.Pass(Minute);
            return true;
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_host_that_is_disabled_removes_nothing_when_it_is_asked_to_clean_up(bool isRunning)
    {
        using var host = Build(("Enabled", "false"));
        StoreOf(host).RecordUse("old");
        Engine.Images.Add(OwnEngine.Image("old"));
        Time.Pass(TimeSpan.FromDays(8));
        if (isRunning)
            await host.StartAsync(Cancel);

        await Collector(host).RunAsync(Cancel);

        Assert.Empty(Engine.Removed);
        Assert.Empty(StoreOf(host).ListPrunes());
        await host.StopAsync(Cancel);
    }

    [Fact]
    public async Task An_event_that_cannot_be_handled_is_skipped_with_a_warning_and_the_next_one_counts()
    {
        Engine.Events = Channel.CreateUnbounded<EngineEvent>();
        Engine.Images.AddRange([OwnEngine.Image("agent"), OwnEngine.Image("module")]);
        using var host = Build(("WatchContainers", "true"));
        var store = StoreOf(host);
        await host.StartAsync(Cancel);
        await UntilAsync(() => Log.Messages(LogLevel.Information).Exists(
            message => message.StartsWith("Watching", StringComparison.Ordinal)));

        Engine.Failure = new InvalidDataException("It does not parse.");
        Happens(EngineEventKind.ContainerCreated, "a", "agent");
        await UntilAsync(() => Log.Messages(LogLevel.Warning).Count > 0);
        Engine.Failure = null;
        Engine.Containers.Add(OwnEngine.Container("b", "module"));
        Happens(EngineEventKind.ContainerCreated, "b", "module");
        await UntilAsync(() => store.Find("module") is not null);

        Assert.Single(Engine.Cursors);
        await host.StopAsync(Cancel);
    }

    [Fact]
    public async Task After_a_break_it_resumes_after_the_last_event()
    {
        Engine.Events = Channel.CreateUnbounded<EngineEvent>();
        using var host = Build(("WatchContainers", "true"));
        await host.StartAsync(Cancel);
        Happens(EngineEventKind.ImageRemoved, cursor: "17");

        await UntilAsync(() => Engine.Events.Reader.Count == 0);
        Engine.Events.Writer.Complete();
        Engine.Events = null;
        await UntilAsync(() => Engine.Cursors.Count > 1, Time, TimeSpan.FromSeconds(1));

        Assert.Equal(new[] { null, "17" }, Engine.Cursors.Take(2));
        await host.StopAsync(Cancel);
    }

    [Fact]
    public async Task An_engine_that_cannot_be_reached_ends_the_run_and_the_rest_stays_tracked()
    {
        using var host = Build();
        StoreOf(host).RecordUse(["a", "b"]);
        Engine.Images.AddRange([OwnEngine.Image("a"), OwnEngine.Image("b")]);
        Time.Pass(TimeSpan.FromDays(8));
        Engine.RemovalFailure = new EngineUnavailableException("It is away.");

        var failure = await Assert.ThrowsAsync<EngineUnavailableException>(() => Collector(host).RunAsync(Cancel));

        Assert.Equal("It is away.", failure.Message);
        Assert.Equal(["a", "b"], Tracked(StoreOf(host)));
        Assert.Single(Log.Messages(LogLevel.Warning)); // The second one was not tried.
    }

    [Fact]
    public async Task A_host_can_preview_a_cleanup_and_clean_up_on_demand()
    {
        using var host = Build(("WatchContainers", "true"));
        var store = StoreOf(host);
        store.RecordUse(["in-use", "old"]);
        Time.Pass(TimeSpan.FromDays(8));
        Engine.Containers.Add(OwnEngine.Container("a", "in-use"));
        Engine.Images.AddRange([OwnEngine.Image("in-use"), OwnEngine.Image("old")]);

        var preview = await Collector(host).PreviewAsync(Cancel);
        Assert.Empty(Engine.Removed);
        var result = await Collector(host).RunAsync(Cancel);

        Assert.Equal([("in-use", PruneReason.InUse), ("old", PruneReason.Expired)],
            preview.Select(verdict => (verdict.Image.ImageId, verdict.Reason)).Order());
        Assert.Equal(["a"], preview.SelectMany(verdict => verdict.UsedBy));
        Assert.Equal(["old"], result.Removed.Select(image => image.ImageId));
        Assert.Equal(["old"], Engine.Removed);
    }

    private void Happens(EngineEventKind kind, string? container = null, string? image = null, string? cursor = null) =>
        Engine.Events!.Writer.TryWrite(new EngineEvent
        {
            Kind = kind,
            ContainerId = container,
            ImageReference = image,
            Cursor = cursor,
        });


    private static IEnumerable<string> Tracked(ImageUseStore store) =>
        store.List().Select(image => image.ImageId).Order(StringComparer.Ordinal);
}
