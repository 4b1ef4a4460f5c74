using Docker.DotNet.Models;
using ImageGc.Hosting;
using Microsoft.Extensions.DependencyInjection;

namespace ImageGc.Docker.Tests;

/// <summary>A real engine on a real disk of 96 MB that fills up.</summary>
public sealed class DiskPressureTests(SmallDiskEngine small) : EngineTest(small.Engine), IClassFixture<SmallDiskEngine>
{
    private const int ImageBytes = 4 << 20;

    [Fact]
    public async Task Above_the_high_threshold_the_oldest_unused_images_go_until_the_low_threshold()
    {
        var services = Services(("HighThreshold", "60"), ("LowThreshold", "40"), ("MinimumAge", "2m"));
        var images = await FillAsync(services, percent: 62);
        await CreateContainerAsync(images[0]);
        Time.Pass(TimeSpan.FromMinutes(2));

        await RelieveAsync(services);

        var tracked = StoreOf(services).List().Select(image => image.ImageId).ToList();
        Assert.InRange(small.UsedPercent, 20, 40);
        Assert.Contains(images[0], tracked);
        Assert.Equal(images[1..].TakeLast(tracked.Count - 1), tracked.Where(image => image != images[0]));
        Assert.Equal(images.Length - tracked.Count, StoreOf(services).ListRemoved().Count);
        await RelieveAsync(services);
        Assert.Single(StoreOf(services).ListPrunes());
    }

    [Fact]
    public async Task No_image_younger_than_the_minimum_age_goes()
    {
        var services = Services(("HighThreshold", "40"), ("LowThreshold", "5"), ("MinimumAge", "1h"));
        var images = await FillAsync(services, percent: 45);
        Time.Pass(TimeSpan.FromMinutes(30));

        var full = await Assert.ThrowsAsync<DiskStillFullException>(() => RelieveAsync(services));

        Assert.Matches("^The disk is [45][0-9]% full, [0-9.]+ MB free; at most 40% may be used. No other unused "
            + "image can be removed now. Images take up to [0-9.]+ MB: [0-9.]+ MB used too recently", full.Message);
        Assert.Equal(images.Length, StoreOf(services).List().Count);
    }

    /// <summary>Makes room; time passes second by second while it waits for space.</summary>
    private Task RelieveAsync(ServiceProvider services) => EndAsync(
        services.GetRequiredService<DiskPressureWorker>().RelieveAsync(progress: null, Cancel),
        Time, TimeSpan.FromSeconds(1));

    /// <summary>Fills the disk with images, each recorded a second after the one before.</summary>
    private async Task<string[]> FillAsync(ServiceProvider services, int percent)
    {
        var images = new List<string>();
        while (small.UsedPercent < percent)
        {
            images.Add(await CreateImageAsync(bytes: ImageBytes));
            StoreOf(services).RecordUse(images[^1]);
            Time.Pass(TimeSpan.FromSeconds(1));
        }

        return [.. images];
    }

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        foreach (var image in await Docker.Images.ListImagesAsync(new ImagesListParameters(), CancellationToken.None))
            await RemoveImageAsync(image.ID);
    }
}
