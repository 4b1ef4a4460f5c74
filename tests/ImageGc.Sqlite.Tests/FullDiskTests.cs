namespace ImageGc.Sqlite.Tests;

/// <summary>
/// The database is on the full disk. Unused images are still removed, images in use are not, and the history is written
/// once there is room.
/// </summary>
public sealed class FullDiskTests : StoreTest
{
    public static TheoryData<string> WaysToLeaveIt => ["open", "closed", "killed", "killed and rebooted"];

    [Theory]
    [MemberData(nameof(WaysToLeaveIt))]
    public async Task Expired_images_are_removed_on_a_full_disk_and_recorded_once_there_is_room(string left)
    {
        using var disk = SmallDisk.MountOrSkip();
        using var store = OpenOnFullDisk(disk, left);
        var filling = disk.PathOf("filling");

        var result = await PruneAsync(store, image =>
        {
            if (image.ImageId == "old-3")
                File.Delete(filling);
        });

        Assert.Equal(["old-1", "old-2", "old-3", "old-4"], result.Removed.Select(image => image.ImageId));
        Assert.Empty(store.ListNotRecorded());
        Assert.Equal(["used", "young"], store.List().Select(image => image.ImageId).Order());
        Assert.Equal(["old-1", "old-2", "old-3", "old-4"],
            store.ListRemoved().Select(removed => removed.Image.ImageId).Order());
        Assert.Equal(4, Assert.Single(store.ListPrunes()).Removed);
    }

    [Theory]
    [MemberData(nameof(WaysToLeaveIt))]
    public async Task Removals_that_free_no_space_are_reported_and_recorded_with_the_next_change(
        string left)
    {
        using var disk = SmallDisk.MountOrSkip();
        using (var store = OpenOnFullDisk(disk, left))
        {
            var result = await PruneAsync(store);

            Assert.Equal(4, result.Removed.Count);
            if (left is "closed" or "killed and rebooted") // Otherwise there is still room in the log.
                Assert.Equal(result.Removed, store.ListNotRecorded());
            Assert.Equal(store.ListNotRecorded().Count, store.List().Count(image => image.ImageId[0] == 'o'));

            File.Delete(disk.PathOf("filling"));
            store.CorrectTimes();

            Assert.Equal(["used", "young"], store.List().Select(image => image.ImageId).Order());
            Assert.Equal(4, Assert.Single(store.ListPrunes()).Removed);
        }

        using var reopened = ImageUseStore.Open(Options(disk), Time);
        Assert.Equal(4, reopened.ListRemoved().Count);
    }

    [Fact]
    public async Task An_image_whose_removal_is_not_recorded_yet_is_not_removed_again_even_if_the_clock_is_set()
    {
        using var disk = SmallDisk.MountOrSkip();
        var device = new SimulatedDevice();
        var options = Options(disk);
        options.Clock = device;
        using (var before = ImageUseStore.Open(options))
            before.RecordUse(["old-1", "old-2"]);
        disk.FillUp();
        device.Pass(Week);
        using var store = ImageUseStore.Open(options);
        var first = await PruneAsync(store);
        device.Pass(Day);
        device.Ahead += 5000;

        var second = await PruneAsync(store);

        Assert.Equal((2, 0), (first.Removed.Count, second.Removed.Count));
        Assert.Equal(first.Removed.Select(image => image.ImageId), store.ListNotRecorded().Select(one => one.ImageId));
        File.Delete(disk.PathOf("filling"));
        store.CorrectTimes();
        Assert.Equal(["old-1", "old-2"], store.ListRemoved().Select(removed => removed.Image.ImageId).Order());
        Assert.Equal(2, Assert.Single(store.ListPrunes()).Removed);
        Assert.Empty(store.List());
    }

    [Theory]
    [InlineData("closed")]
    [InlineData("killed and rebooted")]
    public async Task A_use_without_room_to_record_it_counts_as_in_use_and_is_recorded_later(string left)
    {
        using var disk = SmallDisk.MountOrSkip();
        using var store = OpenOnFullDisk(disk, left);

        var full = Assert.Throws<ImageUseStoreException>(() => store.RecordUse(["old-1", "new"]));
        Assert.Equal(StoreErrorReason.Full, full.Reason);
        var verdicts = store.ExplainPrune(["used"]).ToLookup(one => one.Reason, one => one.Image.ImageId);
        Assert.Equal(["old-1", "used"], verdicts[PruneReason.InUse]);
        var result = await PruneAsync(store);
        Assert.Equal(["old-2", "old-3", "old-4"], result.Removed.Select(image => image.ImageId));

        File.Delete(disk.PathOf("filling"));
        store.RecordUse("another");

        Assert.Equal(["another", "new", "old-1", "used", "young"], store.List().Select(image => image.ImageId).Order());
        Assert.Equal(Time.GetUtcNow(), store.Find("old-1")!.Value.LastUsedAt);
    }

    /// <remarks>The log, which cannot grow, is written from its beginning again.</remarks>
    [Fact]
    public void Uses_of_tracked_images_are_recorded_on_a_full_disk_as_often_as_they_come()
    {
        using var disk = SmallDisk.MountOrSkip();
        using var store = OpenOnFullDisk(disk, "open");

        for (var i = 0; i < 500; i++)
        {
            Time.Pass(Second);
            store.RecordUse("used");
        }

        Assert.Equal(Time.GetUtcNow(), store.Find("used")!.Value.LastUsedAt);
        Assert.False(store.HasUnrecordedUses);
    }

    [Fact]
    public async Task An_image_used_again_before_its_removal_is_recorded_stays_tracked()
    {
        using var disk = SmallDisk.MountOrSkip();
        using var store = OpenOnFullDisk(disk, "closed");
        await PruneAsync(store);

        Assert.Throws<ImageUseStoreException>(() => store.RecordUse("old-1"));
        File.Delete(disk.PathOf("filling"));
        store.CorrectTimes();

        Assert.Equal(["old-1", "used", "young"], store.List().Select(image => image.ImageId).Order());
        Assert.Equal(4, store.ListRemoved().Count);
    }

    [Fact]
    public async Task Expired_images_are_removed_without_free_inodes_and_recorded_once_there_are_some()
    {
        using var disk = SmallDisk.MountWithFewInodesOrSkip();
        using (var before = Open(disk))
            before.LockPrunes();
        var files = disk.UseUpInodes();
        using var store = ImageUseStore.Open(Options(disk), Time);
        var result = await PruneAsync(store, image =>
        {
            if (image.ImageId == "old-2")
                files.ForEach(File.Delete);
        });

        Assert.Equal((4, 0), (result.Removed.Count, store.ListNotRecorded().Count));
        Assert.Equal(2, store.List().Count);
        Assert.Equal(4, store.ListRemoved().Count);
    }

    [Fact]
    public async Task An_image_used_after_the_decision_stays_even_without_room_to_record_its_use()
    {
        using var disk = SmallDisk.MountOrSkip();
        using var store = OpenOnFullDisk(disk, "closed");
        List<string> offered = [];

        var result = await PruneAsync(store, image =>
        {
            offered.Add(image.ImageId);
            if (image.ImageId != "old-1")
                return;
            foreach (var used in (string[])["old-1", "old-3"])
            {
                var full = Assert.Throws<ImageUseStoreException>(() => store.RecordUse(used));
                Assert.Equal(StoreErrorReason.Full, full.Reason);
            }
        });

        Assert.Equal(["old-1", "old-2", "old-4"], offered);
        Assert.Equal(["old-2", "old-4"], result.Removed.Select(image => image.ImageId));
        Assert.Equal(["old-1", "old-3"], result.UsedMeanwhile.Select(image => image.ImageId));
        Assert.True(store.HasUnrecordedUses);
        File.Delete(disk.PathOf("filling"));
        store.CorrectTimes();
        Assert.False(store.HasUnrecordedUses);
        Assert.Equal(["old-1", "old-3", "used", "young"], store.List().Select(image => image.ImageId).Order());
        Assert.Equal(
            ["old-2", "old-4"], store.ListRemoved().Select(removed => removed.Image.ImageId).Order());
    }

    [Fact]
    public void Two_stores_can_read_a_database_on_a_full_disk_at_the_same_time()
    {
        using var disk = SmallDisk.MountOrSkip();
        using var store = OpenOnFullDisk(disk, "killed and rebooted");
        using var other = ImageUseStore.Open(Options(disk), Time);

        Assert.Equal(store.List(), other.List());
        Assert.Equal(6, store.List().Count);
    }

    private static Task<PruneResult> PruneAsync(ImageUseStore store, Action<ImageUse>? remove = null) =>
        store.PruneAsync(
            ["used"],
            (image, _) =>
            {
                remove?.Invoke(image);
                return Task.CompletedTask;
            },
            cancellationToken: TestContext.Current.CancellationToken);

    private static ImageUseStoreOptions Options(SmallDisk disk) => new() { DatabasePath = disk.PathOf("image_use.db") };

    /// <summary>Tracks four images that have expired, one that has not, and one that is in use.</summary>
    private ImageUseStore Open(SmallDisk disk)
    {
        var store = ImageUseStore.Open(Options(disk), Time);
        for (var i = 1; i <= 4; i++)
        {
            store.RecordUse($"old-{i}");
            Time.Pass(Second);
        }

        store.RecordUse("used");
        Time.Pass(TimeSpan.FromDays(8));
        store.RecordUse("young");
        Time.Pass(TimeSpan.FromHours(1));
        return store;
    }

    private ImageUseStore OpenOnFullDisk(SmallDisk disk, string left)
    {
        var store = Open(disk);
        if (left.StartsWith("killed", StringComparison.Ordinal))
        {
            string[] files = left == "killed" ? ["", "-wal", "-shm"] : ["", "-wal"];
            foreach (var file in files)
                Shell.Run("cp", $"{disk.PathOf("image_use.db")}{file}", PathOf($"copy{file}"));
            store.Dispose();
            foreach (var file in files)
                Shell.Run("cp", PathOf($"copy{file}"), $"{disk.PathOf("image_use.db")}{file}");
        }
        else if (left == "closed")
        {
            store.Dispose();
        }

        disk.FillUp();
        return left == "open" ? store : ImageUseStore.Open(Options(disk), Time);
    }
}
