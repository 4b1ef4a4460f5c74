using System.Threading.Channels;
using ImageGc.Sqlite;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace ImageGc.Hosting.Tests;

/// <summary>What cleanups write into the database: which images are tracked, when used, and which are gone.</summary>
public sealed class CleanupRecordsTests : HostTest
{
    [Fact]
    public async Task An_image_that_cleanups_miss_on_two_days_is_forgotten_and_recorded_as_gone()
    {
        using var host = Build();
        var store = StoreOf(host);
        store.RecordUse(["gone", "there"]);
        Engine.Images.Add(OwnEngine.Image("there", "agent:1"));

        await CleanupOf(host).RunAsync(PruneKind.Scheduled, null, null, Cancel);
        Assert.Equal(2, store.Count());
        Time.Pass(TimeSpan.FromDays(1));
        await CleanupOf(host).RunAsync(PruneKind.Scheduled, null, null, Cancel);

        Assert.Equal(["there"], store.List().Select(image => image.ImageId));
        Assert.Equal(["agent:1"], store.Find("there")!.Value.Names);
        var removed = Assert.Single(store.ListRemoved());
        Assert.Equal(("gone", PruneKind.Gone), (removed.Image.ImageId, removed.Kind));
        Assert.Empty(Engine.Removed);
    }

    [Fact]
    public async Task An_engine_that_lists_no_images_for_a_day_loses_no_tracked_image()
    {
        using var host = Build();
        StoreOf(host).RecordUse(["a", "b"]);
        Engine.Images.AddRange([OwnEngine.Image("a"), OwnEngine.Image("b")]);

        foreach (var images in (List<EngineImage>[])[[], [.. Engine.Images], []])
        {
            Engine.Images.Clear();
            Engine.Images.AddRange(images);
            await CleanupOf(host).RunAsync(PruneKind.Scheduled, null, null, Cancel);
            Time.Pass(TimeSpan.FromDays(1));
        }

        Assert.Equal(2, StoreOf(host).Count());
    }

    [Theory]
    [InlineData("gone", "agent")]
    [InlineData("agent", "agent gone")] // The engine still has it.
    [InlineData("two words", "agent gone")]
    public async Task An_image_whose_removal_is_reported_is_forgotten_at_once_unless_it_is_still_there(
        string removed, string left)
    {
        Engine.Events = Channel.CreateUnbounded<EngineEvent>();
        Engine.Images.Add(OwnEngine.Image("agent"));
        using var host = Build(("WatchContainers", "true"));
        var store = StoreOf(host);
        store.RecordUse(["agent", "gone", "gone-next"]);
        await host.StartAsync(Cancel);

        // They are handled in turn: once the second one is forgotten, the first one has been decided.
        foreach (var image in (string[])[removed, "gone-next"])
            Engine.Events.Writer.TryWrite(new() { Kind = EngineEventKind.ImageRemoved, ImageReference = image });
        await UntilAsync(() => store.Find("gone-next") is null);
        await host.StopAsync(Cancel);

        Assert.Empty(Log.Messages(LogLevel.Warning));
        Assert.Equal(left, string.Join(' ', store.List().Select(image => image.ImageId).Order()));
    }

    [Fact]
    public async Task While_the_engine_has_another_image_store_nothing_is_removed_until_it_is_accepted()
    {
        using var host = Build(("KeepImages", "agent"));
        var store = StoreOf(host);
        store.RecordUse(["old", "kept"]);
        Engine.Images.AddRange([OwnEngine.Image("old"), OwnEngine.Image("kept", "agent:1")]);
        await CleanupOf(host).RunAsync(PruneKind.Scheduled, null, null, Cancel);

        Engine.Identity = "own, another store";
        Engine.Images.Clear();
        for (var day = 0; day < 9; day++)
        {
            Time.Pass(TimeSpan.FromDays(1));
            var refused = await Assert.ThrowsAsync<EngineChangedException>(
                () => CleanupOf(host).RunAsync(PruneKind.Scheduled, null, null, Cancel));
            Assert.StartsWith("the runtime's own engine has another image store than before: it was 'own' and is "
                + "'own, another store'.", refused.Message, StringComparison.Ordinal);
            await Assert.ThrowsAsync<EngineChangedException>(
                () => CleanupOf(host).PreviewAsync(isForRoom: false, Cancel));
            await Assert.ThrowsAsync<EngineChangedException>(() => CleanupOf(host).ForgetIfGoneAsync("old", Cancel));
        }

        Assert.Equal(2, store.Count());
        Assert.Equal("own, another store", await Collector(host).AcceptEngineAsync(Cancel));
        Assert.All(store.List(), image => Assert.Equal(Time.GetUtcNow(), image.LastUsedAt));
        await CleanupOf(host).RunAsync(PruneKind.Scheduled, null, null, Cancel);
        Assert.Equal(2, store.Count()); // The new store has missed them once; twice means gone.
        Time.Pass(TimeSpan.FromDays(1));
        await CleanupOf(host).RunAsync(PruneKind.Scheduled, null, null, Cancel);
        Assert.All(store.ListRemoved(), one => Assert.Equal(PruneKind.Gone, one.Kind));
        Assert.Empty(store.List());
    }

    [Fact]
    public async Task An_image_recorded_by_its_name_is_tracked_by_its_ID_and_an_unknown_name_is_reported()
    {
        using var host = Build();
        var store = StoreOf(host);
        store.RecordUse(["name:1", "name:gone"]);
        Engine.Images.Add(OwnEngine.Image("image", "name:1"));
        Time.Pass(TimeSpan.FromDays(8));

        var kept = await CleanupOf(host).PreviewAsync(isForRoom: false, Cancel);
        for (var day = 0; day < 2; day++)
        {
            await CleanupOf(host).RunAsync(PruneKind.Scheduled, null, null, Cancel);
            Time.Pass(TimeSpan.FromDays(1));
        }

        Assert.All(kept, verdict => Assert.Equal("it is not an image ID of this engine", verdict.KeptBy));
        Assert.Equal(["image", "name:gone"], store.List().Select(image => image.ImageId).Order());
        Assert.Contains(Log.Messages(LogLevel.Warning), message => message.StartsWith(
            "Tracked but never removed, 1: name:gone.", StringComparison.Ordinal));
        Assert.Empty(store.ListRemoved());
        Assert.Empty(Engine.Removed);
    }

    [Fact]
    public async Task An_untracked_image_in_use_may_have_an_ID_of_another_form()
    {
        var digest = $"sha256:{new string('a', 64)}";
        Engine.Images.AddRange([OwnEngine.Image(digest), OwnEngine.Image("other")]);
        Engine.Containers.Add(OwnEngine.Container("1", "other"));
        using var host = Build();
        StoreOf(host).RecordUse(digest);
        Time.Pass(TimeSpan.FromDays(8));

        await CleanupOf(host).RunAsync(PruneKind.Scheduled, null, null, Cancel);

        Assert.Equal([digest], Engine.Removed);
    }

    [Fact]
    public async Task An_entry_of_KeepImages_without_a_match_is_reported_at_the_start_and_by_cleanup_and_preview()
    {
        Engine.Images.Add(OwnEngine.Image("a", "registry/agent:1"));
        using var host = Build(("KeepImages", "registry/agnt, registry/agent"));
        await host.StartAsync(Cancel);
        await SleepAsync();
        Assert.Single(Log.Messages(LogLevel.Warning));

        await CleanupOf(host).RunAsync(PruneKind.Scheduled, null, null, Cancel);
        await CleanupOf(host).PreviewAsync(isForRoom: false, Cancel);

        Assert.Equal(3, Log.Messages(LogLevel.Warning).Count);
        Assert.All(Log.Messages(LogLevel.Warning), message => Assert.Equal(
            "KeepImages has 'registry/agnt', which matches no image; the nearest name is registry/agent:1", message));
        await host.StopAsync(Cancel);
    }

    [Fact]
    public async Task A_second_host_on_the_same_database_removes_nothing_and_records_uses()
    {
        using var first = Build();
        using var second = Build();
        StoreOf(first).RecordUse("old");
        Time.Pass(TimeSpan.FromDays(8));
        Engine.Images.Add(OwnEngine.Image("old"));
        await first.StartAsync(Cancel);
        await SleepAsync();

        var refused = await Assert.ThrowsAsync<ImageUseStoreException>(
            () => CleanupOf(second).RunAsync(PruneKind.Scheduled, null, null, Cancel));
        second.Services.GetRequiredService<IImageUseRecorder>().Record("new");

        Assert.Equal(StoreErrorReason.Busy, refused.Reason);
        Assert.Empty(Engine.Removed);
        await CleanupOf(first).RunAsync(PruneKind.Scheduled, null, null, Cancel);
        Assert.Equal(["old"], Engine.Removed);
        Assert.Equal(["new"], StoreOf(first).List().Select(image => image.ImageId));
        await first.StopAsync(Cancel);
    }

    [Fact]
    public async Task An_image_in_KeepImages_stays_and_its_last_use_does_not_change()
    {
        Engine.Images.AddRange([OwnEngine.Image("kept", "agent:1"), OwnEngine.Image("old", "module:1")]);
        using (var host = Build(("KeepImages:0", "agent")))
        {
            StoreOf(host).RecordUse(["kept", "old"]);
            var used = Time.GetUtcNow();
            Time.Pass(TimeSpan.FromDays(8));

            await CleanupOf(host).RunAsync(PruneKind.Scheduled, null, null, Cancel);

            Assert.Equal(["old"], Engine.Removed);
            var verdict = Assert.Single(await CleanupOf(host).PreviewAsync(isForRoom: false, Cancel));
            Assert.Equal((PruneReason.Kept, "KeepImages agent"), (verdict.Reason, verdict.KeptBy));
            Assert.Equal(used, StoreOf(host).Find("kept")!.Value.LastUsedAt);
        }

        using var without = Build();
        await CleanupOf(without).RunAsync(PruneKind.Scheduled, null, null, Cancel);

        Assert.Equal(["old", "kept"], Engine.Removed);
    }


    private static Cleanup CleanupOf(IHost host) => host.Services.GetRequiredService<Cleanup>();
}
