using Docker.DotNet.Models;
using Microsoft.Extensions.Logging;

namespace ImageGc.Docker.Tests;

/// <summary>Which images are removed from a real engine, and which stay.</summary>
public sealed class CleanupTests(PrivateEngine engine) : EngineTest(engine)
{
    [Fact]
    public async Task An_image_that_is_unused_and_old_is_removed_and_forgotten()
    {
        var services = Services();
        var image = await CreateImageAsync();
        RecordAndAge(services, image);

        await CollectAsync(services);

        Assert.False(await ExistsAsync(image));
        Assert.Empty(StoreOf(services).List());
    }

    [Fact]
    public async Task A_removal_is_logged_with_the_names_of_the_image()
    {
        var services = Services();
        var name = NewName();
        var image = await CreateImageAsync(name);
        RecordAndAge(services, image);

        await CollectAsync(services);

        Assert.Contains(Log.Messages(LogLevel.Information), message => message.StartsWith(
            $"Removed {image} ({name}:1), last used at 2026-03-01T12:00:00Z; freed ", StringComparison.Ordinal));
    }

    [Fact]
    public async Task An_image_used_recently_stays()
    {
        var services = Services();
        var image = await CreateImageAsync();
        StoreOf(services).RecordUse(image);
        Time.Pass(TimeSpan.FromDays(6));

        await CollectAsync(services);

        Assert.True(await ExistsAsync(image));
    }

    [Theory]
    [InlineData("created")]
    [InlineData("running")]
    [InlineData("paused")]
    [InlineData("exited")]
    public async Task An_image_of_a_container_stays_whatever_the_containers_state(string state)
    {
        var services = Services();
        var image = await CreateImageAsync();
        var container = state == "created" ? await CreateContainerAsync(image) : await RunContainerAsync(image);
        if (state == "paused")
            await Docker.Containers.PauseContainerAsync(container, Cancel);
        if (state == "exited")
            await Docker.Containers.KillContainerAsync(container, new ContainerKillParameters(), Cancel);
        RecordAndAge(services, image);

        await CollectAsync(services);

        Assert.Equal(state, (await Docker.Containers.InspectContainerAsync(container, Cancel))
            .State!.Status.ToString()!.ToLowerInvariant());
        Assert.True(await ExistsAsync(image));
        Assert.Equal(Time.GetUtcNow(), StoreOf(services).Find(image)!.Value.LastUsedAt);
    }

    [Fact]
    public async Task A_container_without_an_image_does_not_stop_a_cleanup()
    {
        var services = Services();
        var image = await CreateImageAsync();
        RecordAndAge(services, image);
        await CreateContainerAsync("");

        await CollectAsync(services);

        Assert.False(await ExistsAsync(image));
    }

    [Fact]
    public async Task A_running_image_whose_tag_moved_on_stays()
    {
        var services = Services();
        var name = NewName();
        var old = await CreateImageAsync(name);
        await RunContainerAsync(old);
        var current = await CreateImageAsync(name);
        RecordAndAge(services, old, current);

        await CollectAsync(services);

        Assert.True(await ExistsAsync(old));
        Assert.False(await ExistsAsync(current));
    }

    [Fact]
    public async Task An_image_with_several_tags_is_removed()
    {
        var services = Services();
        var image = await CreateImageAsync();
        await Docker.Images.TagImageAsync(image, new ImageTagParameters { RepositoryName = NewName(), Tag = "2" },
            Cancel);
        await Docker.Images.TagImageAsync(image,
            new ImageTagParameters { RepositoryName = "localhost:5000/" + NewName(), Tag = "3" }, Cancel);
        RecordAndAge(services, image);

        await CollectAsync(services);

        Assert.False(await ExistsAsync(image));
        Assert.Empty(StoreOf(services).List());
    }

    [Fact]
    public async Task A_parent_of_another_image_stays_with_all_its_tags_and_stays_tracked()
    {
        var services = Services();
        var (name, other) = (NewName(), NewName());
        var parent = await CreateImageAsync(name);
        await Docker.Images.TagImageAsync(parent, new ImageTagParameters { RepositoryName = other, Tag = "2" }, Cancel);
        var child = await CreateChildAsync(parent);
        RecordAndAge(services, parent);

        await CollectAsync(services);

        Assert.True(await ExistsAsync(child));
        Assert.Equal(new[] { $"{name}:1", $"{other}:2" }.Order(),
            (await Docker.Images.InspectImageAsync(parent, Cancel)).RepoTags.Order());
        Assert.NotNull(StoreOf(services).Find(parent));
    }

    [Fact]
    public async Task An_image_that_another_program_removed_is_forgotten()
    {
        var services = Services();
        var image = await CreateImageAsync();
        RecordAndAge(services, image);
        await RemoveImageAsync(image);

        await CollectAsync(services);
        Time.Pass(TimeSpan.FromDays(1));
        await CollectAsync(services);

        Assert.Empty(StoreOf(services).List());
    }

    [Fact]
    public async Task An_image_that_was_never_recorded_is_never_touched()
    {
        var services = Services();
        var (stranger, ours) = (await CreateImageAsync(), await CreateImageAsync());
        RecordAndAge(services, ours);

        await CollectAsync(services);

        Assert.True(await ExistsAsync(stranger));
        Assert.False(await ExistsAsync(ours));
    }

    [Fact]
    public async Task Images_in_KeepImages_stay_by_name_glob_and_ID()
    {
        var agent = NewName();
        var (byName, byGlob) = (await CreateImageAsync(), await CreateImageAsync(agent, "1.5-arm64"));
        var (byTaglessName, byId, other) = (await CreateImageAsync(NewName() + "/x"), await CreateImageAsync(),
            await CreateImageAsync());
        var services = Services(
            ("KeepImages:0", (await Docker.Images.InspectImageAsync(byName, Cancel)).RepoTags[0]),
            ("KeepImages:1", $"{agent}:1.?-*"),
            ("KeepImages:2", (await Docker.Images.InspectImageAsync(byTaglessName, Cancel)).RepoTags[0].Split(':')[0]),
            ("KeepImages:3", byId));
        RecordAndAge(services, byName, byGlob, byTaglessName, byId, other);

        await CollectAsync(services);

        Assert.False(await ExistsAsync(other));
        Assert.Equal(
            new[] { byName, byGlob, byTaglessName, byId }.Order(),
                StoreOf(services).List().Select(image => image.ImageId).Order());
        Assert.True(await ExistsAsync(byName) && await ExistsAsync(byGlob) && await ExistsAsync(byTaglessName)
            && await ExistsAsync(byId));
    }
}
