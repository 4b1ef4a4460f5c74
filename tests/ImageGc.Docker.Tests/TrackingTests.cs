namespace ImageGc.Docker.Tests;

/// <summary>Recording by watching a real engine, for a host that does not record itself.</summary>
public sealed class TrackingTests(PrivateEngine engine) : WatchTest(engine)
{
    [Fact]
    public async Task The_images_of_containers_that_exist_at_the_start_are_recorded_and_others_are_not()
    {
        var (used, unused) = (await CreateImageAsync(), await CreateImageAsync());
        await CreateContainerAsync(used);

        await using var watching = await WatchAsync();

        Assert.Contains(used, watching.Tracked);
        Assert.DoesNotContain(unused, watching.Tracked);
    }

    [Fact]
    public async Task The_image_of_a_container_is_recorded_when_it_is_created_and_when_it_is_removed()
    {
        var image = await CreateImageAsync();
        await using var watching = await WatchAsync();

        var container = await CreateContainerAsync(image);
        await UntilAsync(() => watching.Tracked.Contains(image));
        Time.Pass(TimeSpan.FromMinutes(30));
        await RemoveContainerAsync(container);

        await UntilAsync(() => watching.Store.Find(image)!.Value.LastUsedAt == Time.GetUtcNow());
    }

    [Fact]
    public async Task The_image_of_a_container_that_lives_for_a_moment_is_recorded()
    {
        var image = await CreateImageAsync();
        await using var watching = await WatchAsync();

        await RemoveContainerAsync(await CreateContainerAsync(image));

        await UntilAsync(() => watching.Tracked.Contains(image));
    }

    [Fact]
    public async Task A_moved_tag_does_not_change_which_image_a_container_uses()
    {
        var name = NewName();
        var old = await CreateImageAsync(name);
        await using var watching = await WatchAsync();
        var container = await CreateContainerAsync($"{name}:1");
        await UntilAsync(() => watching.Tracked.Contains(old));

        var current = await CreateImageAsync(name);
        Time.Pass(TimeSpan.FromMinutes(30));
        await RemoveContainerAsync(container);

        await UntilAsync(() => watching.Store.Find(old)!.Value.LastUsedAt == Time.GetUtcNow());
        Assert.DoesNotContain(current, watching.Tracked);
    }

    [Fact]
    public async Task An_image_that_another_program_removes_is_forgotten_at_once()
    {
        var image = await CreateImageAsync();
        await using var watching = await WatchAsync();
        await RemoveContainerAsync(await CreateContainerAsync(image));
        await UntilAsync(() => watching.Tracked.Contains(image));

        await RemoveImageAsync(image);

        await UntilAsync(() => !watching.Tracked.Contains(image));
    }

    [Theory]
    [InlineData("owner")]
    [InlineData("owner=edge")]
    public async Task Only_containers_with_the_owner_label_are_recorded(string label)
    {
        var (before, ours, theirs) = (await CreateImageAsync(), await CreateImageAsync(), await CreateImageAsync());
        await CreateContainerAsync(before, "owner");
        await using var watching = await WatchAsync(("OwnerLabel", label));

        await CreateContainerAsync(theirs);
        await CreateContainerAsync(ours, "owner");

        await UntilAsync(() => watching.Tracked.Contains(ours));
        Assert.Contains(before, watching.Tracked);
        Assert.DoesNotContain(theirs, watching.Tracked);
    }

    [Fact]
    public async Task A_cleanup_of_watched_images_leaves_a_complete_history()
    {
        await using var watching = await WatchAsync();
        var (images, containers) = (new List<string>(), new List<string>());
        for (var i = 0; i < 10; i++)
        {
            images.Add(await CreateImageAsync());
            containers.Add(await CreateContainerAsync(images[^1]));
        }

        await UntilAsync(() => images.All(watching.Tracked.Contains));
        Time.Pass(TimeSpan.FromMinutes(30));
        foreach (var container in containers)
            await RemoveContainerAsync(container);
        await UntilAsync(() =>
            images.TrueForAll(image => watching.Store.Find(image)!.Value.LastUsedAt == Time.GetUtcNow()));
        Time.Pass(TimeSpan.FromDays(8));

        await CollectAsync(watching.Services);

        Assert.Empty(images.Except(watching.Store.ListRemoved().Select(removed => removed.Image.ImageId)));
        Assert.Empty(images.Intersect(watching.Tracked));
    }
}
