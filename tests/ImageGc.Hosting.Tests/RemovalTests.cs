using ImageGc.Sqlite;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace ImageGc.Hosting.Tests;

/// <summary>Runs during which containers start, or the engine refuses or hangs.</summary>
public sealed class RemovalTests : HostTest
{
    [Fact]
    public async Task A_container_that_mounts_or_runs_an_image_during_the_run_keeps_it()
    {
        using var host = Recorded(4);
        Engine.Removing = image => Engine.Containers.AddRange(image == "image-1"
            ? [OwnEngine.Container("runs", "image-2"), OwnEngine.Container("mounts", "other", "image-3")]
            : []);

        var result = await RunAsync(host);

        Assert.Equal(["image-1", "image-4"], Engine.Removed);
        Assert.Equal(["image-2", "image-3"], result.UsedMeanwhile.Select(image => image.ImageId));
        Assert.Equal([Time.GetUtcNow(), Time.GetUtcNow()], StoreOf(host).List().Select(image => image.LastUsedAt));
        Assert.Equal(2, StoreOf(host).ListRemoved().Count);
    }

    [Fact]
    public async Task A_chain_of_parents_is_removed_in_one_run()
    {
        using var host = Recorded(5);
        for (var child = 1; child < 5; child++)
            Engine.Images[child] = Engine.Images[child] with { ParentId = $"image-{child}" };

        var result = await RunAsync(host);

        Assert.Equal(5, result.Removed.Count);
        Assert.Empty(result.Failed);
    }

    [Fact]
    public async Task An_image_whose_removal_hangs_fails_alone_and_is_tried_last_the_next_time()
    {
        using var host = Recorded(4);
        Engine.Removing = image =>
        {
            if (image == "image-1")
                throw new TimeoutException("It hangs.");
        };

        var result = await RunAsync(host);
        Assert.Equal(["image-1"], result.Failed.Select(failure => failure.Image.ImageId));
        Assert.Equal(3, result.Removed.Count);

        StoreOf(host).RecordUse("image-5");
        Engine.Images.Add(OwnEngine.Image("image-5"));
        Time.Pass(TimeSpan.FromDays(8));
        Engine.Removing = null;
        Assert.Equal(["image-5", "image-1"], (await RunAsync(host)).Removed.Select(image => image.ImageId));
    }

    [Fact]
    public async Task Three_timeouts_in_a_row_end_the_run_and_the_next_run_begins_with_the_rest()
    {
        using var host = Recorded(8);
        Engine.Removing = image =>
        {
            if (image is not "image-3")
                throw new TimeoutException("It hangs.");
        };

        await Assert.ThrowsAsync<TimeoutException>(() => RunAsync(host));

        Assert.Equal(["image-3"], Engine.Removed);
        Assert.Equal(5, StoreOf(host).LastPrune()!.Failed); // 1, 2, 4, 5 and 6.
        Engine.Removing = null;
        Assert.Equal(["image-7", "image-8", "image-1", "image-2", "image-4", "image-5", "image-6"],
            (await RunAsync(host)).Removed.Select(image => image.ImageId));
    }

    [Fact]
    public async Task Time_outs_with_another_failure_between_them_do_not_end_the_run()
    {
        using var host = Recorded(6);
        Engine.Removing = image =>
        {
            if (image is "image-3")
                throw new EngineRequestFailedException("It is in use.");
            if (image is "image-1" or "image-2" or "image-4")
                throw new TimeoutException("It hangs.");
        };

        await RunAsync(host);

        Assert.Equal(["image-5", "image-6"], Engine.Removed);
    }

    [Fact]
    public async Task Nothing_is_removed_while_the_containers_cannot_be_listed()
    {
        using var host = Recorded(3);
        Engine.Removing = image => Engine.Failure = new EngineRequestFailedException("It cannot list them.");

        await Assert.ThrowsAsync<EngineRequestFailedException>(() => RunAsync(host));

        Assert.Equal(["image-1"], Engine.Removed);
    }

    [Fact]
    public async Task A_second_run_waits_until_the_first_one_has_ended()
    {
        using var host = Recorded(2);
        Task<PruneResult>? second = null;
        var removals = 0;
        Engine.Removing = _ =>
        {
            if (++removals == 1)
            {
                second = RunAsync(host);
                Assert.False(second.IsCompleted);
            }
        };

        var first = await RunAsync(host);

        Assert.Equal(2, first.Removed.Count);
        Assert.Empty((await second!).Removed);
        Assert.Equal(["image-1", "image-2"], Engine.Removed);
    }

    [Fact]
    public async Task An_expired_image_goes_also_if_its_removal_frees_nothing()
    {
        using var host = Recorded(1);
        Engine.Images[0] = Engine.Images[0] with { UniqueBytes = 0 };

        await RunAsync(host);

        Assert.Equal(["image-1"], Engine.Removed);
    }

    [Fact]
    public async Task What_others_write_meanwhile_leaves_nothing_freed_and_no_negative_number()
    {
        using var host = Recorded(1);
        var used = 10;
        Engine.UsedPercent = () => used;
        Engine.Removing = _ => used += 5;

        await RunAsync(host);

        Assert.Equal(new FreedSpace(0, FreedBy.Disk), Assert.Single(StoreOf(host).ListRemoved()).Freed);
    }

    /// <summary>A host with images that were all used 8 days ago, one after the other.</summary>
    private IHost Recorded(int images)
    {
        var host = Build();
        for (var number = 1; number <= images; number++)
        {
            StoreOf(host).RecordUse($"image-{number}");
            Engine.Images.Add(OwnEngine.Image($"image-{number}"));
            Time.Pass(TimeSpan.FromMinutes(1));
        }

        Time.Pass(TimeSpan.FromDays(8));
        return host;
    }

    private static Task<PruneResult> RunAsync(IHost host) =>
        host.Services.GetRequiredService<Cleanup>().RunAsync(PruneKind.Scheduled, null, null, Cancel);
}
