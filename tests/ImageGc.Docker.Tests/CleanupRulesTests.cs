using ImageGc.Hosting;
using ImageGc.Sqlite;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace ImageGc.Docker.Tests;

/// <summary>The order of removals, rules that keep images, and IDs of other forms, with a real engine.</summary>
public sealed class CleanupRulesTests(PrivateEngine engine) : EngineTest(engine)
{
    [Fact]
    public async Task A_chain_of_images_is_removed_in_one_run_children_first()
    {
        var services = Services();
        List<string> chain = [await CreateImageAsync()];
        for (var i = 0; i < 4; i++)
            chain.Add(await CreateChildAsync(chain[^1]));
        RecordAndAge(services, [.. chain]);

        await CollectAsync(services);

        Assert.Empty(StoreOf(services).List());
        Assert.Empty(Log.Messages(LogLevel.Warning));
        Assert.False(await ExistsAsync(chain[0]));
    }

    [Fact]
    public async Task An_image_recorded_by_a_name_or_a_short_ID_is_tracked_by_its_ID_and_expires()
    {
        var services = Services();
        var name = NewName();
        var (named, shortened) = (await CreateImageAsync(name), await CreateImageAsync());
        var bare = await CreateImageAsync();
        RecordAndAge(services, $"{name}:1", shortened[7..19], bare[7..]);

        await CollectAsync(services);
        Assert.Equal(new[] { named, shortened, bare }.Order(), Tracked(services));
        Time.Pass(TimeSpan.FromDays(8));
        await CollectAsync(services);

        Assert.Empty(StoreOf(services).List());
        Assert.False(await ExistsAsync(bare));
        Assert.All(StoreOf(services).ListRemoved(), removed => Assert.Equal(PruneKind.Scheduled, removed.Kind));
    }

    [Fact]
    public async Task Images_with_a_label_of_KeepLabels_and_the_last_used_of_each_repository_stay()
    {
        var services = Services(("KeepLabels", "stay=yes"), ("KeepNewest", "1"));
        var name = NewName();
        var (older, newer) = (await CreateImageAsync(name), await CreateImageAsync(name, "2"));
        var parent = await CreateImageAsync();
        var labelled = await CreateChildAsync(parent, "LABEL stay=yes");
        StoreOf(services).RecordUse([older, labelled]);
        Time.Pass(TimeSpan.FromMinutes(1));
        RecordAndAge(services, newer);

        await CollectAsync(services);

        Assert.Equal(new[] { newer, labelled }.Order(), Tracked(services));
        Assert.Equal([$"KeepLabels stay=yes", $"KeepNewest 1 of {name}"], (await services
            .GetRequiredService<Cleanup>().PreviewAsync(isForRoom: false, Cancel))
            .Select(verdict => verdict.KeptBy).Order());
    }

    private static IEnumerable<string> Tracked(ServiceProvider services) =>
        StoreOf(services).List().Select(image => image.ImageId).Order();
}
