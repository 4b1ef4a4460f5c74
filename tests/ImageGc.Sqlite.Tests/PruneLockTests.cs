namespace ImageGc.Sqlite.Tests;

/// <summary>Only one program at a time can remove images with a database.</summary>
public sealed class PruneLockTests : StoreTest
{
    private readonly CancellationToken _cancel = TestContext.Current.CancellationToken;

    [Fact]
    public async Task No_other_process_can_prune_until_the_one_that_holds_the_lock_is_killed()
    {
        var store = Open();
        store.RecordUse(Id(1));
        using var other = new OtherProcess();
        other.Tell("lock-prunes", DatabasePath);
        Assert.Equal("locked", other.Answer());
        Assert.True(store.ArePrunesLocked());

        var refused = await Assert.ThrowsAsync<ImageUseStoreException>(() => PruneAllAsync(store));

        Assert.Equal(StoreErrorReason.Busy, refused.Reason);
        Assert.Matches(@"^Could not prune the images in '.*image_use\.db': process \d+ \(ImageGc\.Sqlite\.Tests\), "
            + @"since 20.*Z, removes images with this database, and only one process can at a time\. Wait until it "
            + @"ends, or stop it\.$",
            refused.Message);
        Assert.Throws<ImageUseStoreException>(store.LockPrunes);
        store.RecordUse(Id(2));
        Assert.Equal(2, store.ExplainPrune([]).Count);
        Assert.Null(store.LastPrune());

        other.Kill();
        Assert.False(store.ArePrunesLocked());
        Assert.Equal(2, (await PruneAllAsync(store)).Removed.Count);
    }

    [Fact]
    public async Task A_store_that_holds_the_lock_can_prune_and_others_can_once_it_is_disposed()
    {
        var first = Open();
        var second = Open();
        first.RecordUse(Id(1));
        first.LockPrunes();
        first.LockPrunes();

        await Assert.ThrowsAsync<ImageUseStoreException>(() => PruneAllAsync(second));
        Assert.Single((await PruneAllAsync(first)).Removed);
        await Assert.ThrowsAsync<ImageUseStoreException>(() => PruneAllAsync(second));

        first.Dispose();
        await PruneAllAsync(second);
    }

    [Fact]
    public async Task Two_prunes_of_one_store_cannot_overlap_but_can_follow_each_other()
    {
        var store = Open();
        store.RecordUse(Id(1));
        var second = Task.CompletedTask;
        await store.PruneAsync([], (_, _) =>
        {
            second = PruneAllAsync(store);
            throw new IOException("no");
        }, TimeSpan.Zero, _cancel);

        await Assert.ThrowsAsync<ImageUseStoreException>(() => second);
        Assert.Single((await PruneAllAsync(store)).Removed);
    }

    [Fact]
    public async Task A_lock_file_that_cannot_be_opened_is_named_in_the_message()
    {
        var store = Open();
        Directory.CreateDirectory($"{DatabasePath}.run");

        var refused = await Assert.ThrowsAsync<ImageUseStoreException>(() => PruneAllAsync(store));

        Assert.Equal(StoreErrorReason.Unavailable, refused.Reason);
        Assert.Contains($"'{DatabasePath}.run'", refused.Message, StringComparison.Ordinal);
    }

    /// <remarks>Without the file no other process can be kept from pruning at the same time.</remarks>
    [Fact]
    public async Task A_lock_file_for_which_there_is_no_inode_is_reported_as_a_full_disk()
    {
        using var disk = SmallDisk.MountWithFewInodesOrSkip();
        var path = disk.PathOf("image_use.db");
        var store = Open(options => options.DatabasePath = path);
        store.RecordUse(Id(1));
        var files = disk.UseUpInodes();

        var full = await Assert.ThrowsAsync<ImageUseStoreException>(() => PruneAllAsync(store));

        Assert.Equal((StoreErrorReason.Full, path), (full.Reason, full.DatabasePath));
        Assert.Equal(
            $"Could not open the lock file '{path}.run' of '{path}': No space left on device : '{path}.run'. The file "
            + "system has no space, no inodes or no quota left. Free some (`df -h`, `df -i`), then try again.",
            full.Message);
        Assert.Equal(full.Message, Assert.Throws<ImageUseStoreException>(store.LockPrunes).Message);
        files.ForEach(File.Delete);
        Assert.Single((await PruneAllAsync(store)).Removed);
    }

    private Task<PruneResult> PruneAllAsync(ImageUseStore store) =>
        store.PruneAsync([], (_, _) => Task.CompletedTask, TimeSpan.Zero, _cancel);
}
