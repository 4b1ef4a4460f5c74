using Microsoft.Extensions.Logging;

namespace ImageGc.Sqlite.Tests;

/// <summary>A flat file is imported as a whole or not at all, also on a full disk.</summary>
public sealed class FullDiskImportTests : StoreTest
{
    private string FlatFilePath => PathOf("image_use");

    /// <remarks>The log, which cannot grow, is written from its beginning again, with the whole flat file.</remarks>
    [Fact]
    public void A_flat_file_of_tracked_images_is_imported_on_a_full_disk_as_often_as_it_comes()
    {
        using var disk = SmallDisk.MountOrSkip();
        using var store = ImageUseStore.Open(Options(disk), Time);
        store.RecordUse([Id(1), Id(2)]);
        disk.FillUp();

        for (var i = 0; i < 200; i++)
        {
            Time.Pass(Second);
            WriteFlatFile(images: 2);

            var import = store.ImportFlatFile(FlatFilePath);

            Assert.Equal((2, 2), (import.Images, import.Changed));
            Assert.All(store.List(), image => Assert.Equal(Time.GetUtcNow(), image.LastUsedAt));
        }
    }

    [Theory]
    [InlineData("open")]
    [InlineData("closed")]
    public void An_import_without_room_fails_and_stores_no_image(string left)
    {
        using var disk = SmallDisk.MountOrSkip();
        using var store = OpenOnFullDisk(disk, left);
        WriteFlatFile(images: 2000);

        var full = Assert.Throws<ImageUseStoreException>(() => store.ImportFlatFile(FlatFilePath));

        Assert.Equal((StoreErrorReason.Full, 1), (full.Reason, store.Count()));
        File.Delete(disk.PathOf("filling"));
        Assert.Equal(2000, store.ImportFlatFile(FlatFilePath).Images);
        Assert.Equal(2000, store.Count());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(6000)]
    public async Task Open_leaves_a_flat_file_without_room_for_it_to_the_next_start_and_can_remove_images(int images)
    {
        using var disk = SmallDisk.MountOrSkip();
        var options = Options(disk);
        using (var before = ImageUseStore.Open(options, Time))
            before.RecordUse("old");
        Time.Pass(TimeSpan.FromDays(8));
        disk.FillUp();
        WriteFlatFile(images);
        options.FlatFilePath = FlatFilePath;
        var log = new RecordingLog();

        using (var store = ImageUseStore.Open(options, Time, log))
        {
            var result = await store.PruneAsync(
                [], (_, _) => Task.CompletedTask, cancellationToken: TestContext.Current.CancellationToken);
            Assert.Equal("old", Assert.Single(result.Removed).ImageId);
            File.Delete(disk.PathOf("filling"));
        }

        Assert.Contains($"The disk is too full to import {FlatFilePath}, so its images are not tracked yet. "
            + "The next start imports it", log.Messages(LogLevel.Warning));
        Assert.True(File.Exists(FlatFilePath));
        using var next = ImageUseStore.Open(options, Time);
        Assert.Equal(Enumerable.Range(1, images).Select(Id), next.List().Select(image => image.ImageId));
        Assert.False(File.Exists(FlatFilePath));
    }

    private ImageUseStore OpenOnFullDisk(SmallDisk disk, string left)
    {
        var store = ImageUseStore.Open(Options(disk), Time);
        store.RecordUse(Id(1));
        if (left == "closed")
            store.Dispose();
        disk.FillUp();
        return left == "closed" ? ImageUseStore.Open(Options(disk), Time) : store;
    }

    private void WriteFlatFile(int images)
    {
        var now = Time.GetUtcNow().ToUnixTimeSeconds();
        File.WriteAllLines(FlatFilePath, Enumerable.Range(1, images).Select(image => $"{Id(image)} {now}"));
    }

    private static ImageUseStoreOptions Options(SmallDisk disk) => new() { DatabasePath = disk.PathOf("image_use.db") };
}
