using Docker.DotNet;
using ImageGc.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace ImageGc.Docker.Tests;

/// <summary>
/// Whatever the engine does in the middle of a run, the rows match its images and the next run completes it.
/// </summary>
public sealed class CleanupTroubleTests(PrivateEngine engine) : EngineTest(engine)
{
    [Fact]
    public async Task Fifty_images_are_removed_in_one_run()
    {
        var services = Services();
        var images = await CreateImagesAsync(50);
        RecordAndAge(services, images);

        await CollectAsync(services);

        Assert.Empty(StoreOf(services).List());
        Assert.Empty(await ExistingAsync(images));
    }

    [Fact]
    public async Task Nothing_is_removed_while_the_engine_is_down()
    {
        var services = Services();
        var image = await CreateImageAsync();
        RecordAndAge(services, image);
        await Engine.StopAsync();

        try
        {
            await Assert.ThrowsAsync<EngineUnavailableException>(() => CollectAsync(services));
        }
        finally
        {
            await Engine.StartAsync();
        }

        Assert.NotNull(StoreOf(services).Find(image));
        await CollectAsync(services);
        Assert.Empty(StoreOf(services).List());
    }

    [Fact]
    public async Task An_engine_that_restarts_ends_the_run_at_once_and_the_next_one_completes_it()
    {
        var services = Services();
        var images = await CreateImagesAsync(20);
        RecordAndAge(services, images);

        var run = CollectAsync(services);
        await UntilFewerThanAsync(images.Length - 3, services);
        await Engine.StopAsync();
        await Assert.ThrowsAsync<EngineUnavailableException>(() => run);
        var tries = Log.Messages(LogLevel.Warning)
            .FindAll(message => message.StartsWith("Could not remove", StringComparison.Ordinal));
        await Engine.StartAsync();

        Assert.InRange(tries.Count, 1, 2); // One may be refused while the engine shuts down.
        Assert.Equal((await ExistingAsync(images)).Order(), Tracked(services).Order());
        await CollectAsync(services);
        Assert.Empty(await ExistingAsync(images));
        Assert.Empty(Tracked(services));
    }

    [Fact]
    public async Task An_engine_that_freezes_ends_the_run_in_time_and_the_next_one_completes_it()
    {
        var services = Services(("EngineTimeout", "2s"));
        var images = await CreateImagesAsync(20);
        RecordAndAge(services, images);

        var run = CollectAsync(services);
        await UntilFewerThanAsync(images.Length - 3, services);
        Engine.Freeze();
        try
        {
            await Assert.ThrowsAsync<TimeoutException>(() => EndAsync(run));
        }
        finally
        {
            Engine.Thaw();
        }

        Assert.NotEmpty(Tracked(services));
        Assert.Empty((await ExistingAsync(images)).Except(Tracked(services)));
        await CollectAsync(services);
        Assert.Empty(await ExistingAsync(images));
        Time.Pass(TimeSpan.FromDays(1)); // An image whose removal was not answered must be missed twice.
        await CollectAsync(services);
        Assert.Empty(Tracked(services));
    }

    [Fact]
    public async Task Rows_match_the_engine_when_containers_are_created_while_their_images_are_removed()
    {
        var services = Services();
        var images = await CreateImagesAsync(15);
        RecordAndAge(services, images);
        using var go = new ManualResetEventSlim();

        var created = Task.Run(async () =>
        {
            go.Wait(Cancel);
            var won = new List<string>();
            foreach (var image in images)
            {
                try
                {
                    await CreateContainerAsync(image);
                    won.Add(image);
                }
                catch (DockerApiException)
                {
                    // The removal was faster.
                }
            }

            return won;
        }, Cancel);
        go.Set();
        await CollectAsync(services);
        var inUse = await created;

        // The engine may create a container of an image that it is about to remove. Image and row are gone then.
        var existing = await ExistingAsync(images);
        Assert.Equal(existing.Order(), Tracked(services).Order());
        Assert.Empty(existing.Except(inUse));
        await CollectAsync(services);
        Assert.Equal(existing.Order(), Tracked(services).Order());
    }

    private async Task<string[]> CreateImagesAsync(int count)
    {
        var images = new string[count];
        for (var i = 0; i < count; i++)
            images[i] = await CreateImageAsync();
        return images;
    }

    private async Task<List<string>> ExistingAsync(string[] images)
    {
        var existing = new List<string>();
        foreach (var image in images)
        {
            if (await ExistsAsync(image))
                existing.Add(image);
        }

        return existing;
    }

    private static IEnumerable<string> Tracked(ServiceProvider services) =>
        StoreOf(services).List().Select(image => image.ImageId);

    private static Task UntilFewerThanAsync(int images, ServiceProvider services) =>
        UntilAsync(() => StoreOf(services).List().Count < images, $"fewer than {images} images are tracked");
}
