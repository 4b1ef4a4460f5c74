using ImageGc.Sqlite;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace ImageGc.Hosting.Tests;

/// <summary>What a host's database says of images afterwards: when they were last used, and why they went.</summary>
public sealed class BooksTests : HostTest
{
    [Fact]
    public async Task An_image_that_is_found_gone_is_forgotten_and_the_history_has_it_as_gone()
    {
        using var host = Build();
        var store = StoreOf(host);
        store.RecordUse(["gone", "there"]);
        Engine.Images.Add(OwnEngine.Image("there"));

        await CleanupOf(host).ForgetVanishedAsync(Cancel);

        Assert.Equal(["there"], store.List().Select(image => image.ImageId));
        var removed = Assert.Single(store.ListRemoved());
        Assert.Equal(("gone", PruneKind.Gone), (removed.Image.ImageId, removed.Kind));
        Assert.Empty(Engine.Removed);
    }

    [Fact]
    public async Task An_image_that_a_cleanup_removed_is_not_in_the_history_again_as_gone()
    {
        using var host = Build();
        StoreOf(host).RecordUse("old");
        Time.Pass(TimeSpan.FromDays(8));

        await CleanupOf(host).RunAsync(Cancel);
        await CleanupOf(host).ForgetVanishedAsync(Cancel);

        Assert.Equal(PruneKind.Scheduled, Assert.Single(StoreOf(host).ListRemoved()).Kind);
        Assert.Single(StoreOf(host).ListPrunes());
    }

    [Fact]
    public async Task An_image_in_KeepImages_stays_and_its_last_use_stays_what_it_was()
    {
        Engine.Images.AddRange([OwnEngine.Image("kept", "agent:1"), OwnEngine.Image("old", "module:1")]);
        using (var host = Build(("KeepImages:0", "agent")))
        {
            StoreOf(host).RecordUse(["kept", "old"]);
            var used = Time.GetUtcNow();
            Time.Pass(TimeSpan.FromDays(8));

            await CleanupOf(host).RunAsync(Cancel);

            Assert.Equal(["old"], Engine.Removed);
            Assert.Equal(used, StoreOf(host).Find("kept")!.Value.LastUsedAt);
        }

        using var without = Build();
        await CleanupOf(without).RunAsync(Cancel);

        Assert.Equal(["old", "kept"], Engine.Removed);
    }

    private static Cleanup CleanupOf(IHost host) => host.Services.GetRequiredService<Cleanup>();
}
