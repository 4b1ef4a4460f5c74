using Dapper;
using Microsoft.Data.Sqlite;

namespace ImageGc.Sqlite.Tests;

public sealed class OtherProcessesTests : StoreTest
{
    [Fact]
    public void A_locked_database_gives_Busy_and_the_store_works_again_when_it_is_unlocked()
    {
        var store = Open(options => options.BusyTimeout = TimeSpan.FromMilliseconds(20));
        using var writer = Sqlite.Connect(DatabasePath);
        writer.Execute("BEGIN IMMEDIATE");

        foreach (var call in (Action[])[() => store.RecordUse(Id(1)), () => store.RecordUse([Id(1)]), () =>
            store.Prune([]), () => store.Forget(Id(1))])
        {
            var exception = Assert.Throws<ImageUseStoreException>(call);
            Assert.Equal(StoreErrorReason.Busy, exception.Reason);
            Assert.Contains(DatabasePath, exception.Message, StringComparison.Ordinal);
        }

        Assert.Empty(store.List());
        writer.Execute("ROLLBACK");
        store.RecordUse(Id(1));
        Assert.Single(store.List());
    }

    [Fact]
    public async Task A_call_waits_until_another_writer_commits()
    {
        var store = Open();
        using var writer = Sqlite.Connect(DatabasePath);
        writer.Execute("BEGIN IMMEDIATE");
        var record = Wait.StartUntilAsleep(() => store.RecordUse(Id(1)), "the record waits for the writer's lock");

        writer.Execute("COMMIT");
        await Wait.ForAsync(record, "the record returns, since the writer has committed");

        Assert.Single(store.List());
    }

    [Fact]
    public void A_long_read_does_not_stop_writers_and_the_log_shrinks_after_it()
    {
        var store = Open(options => options.Durability = Durability.Normal);
        store.RecordUse(Id(0));
        using (var reader = Sqlite.Connect(DatabasePath))
        {
            reader.Execute("BEGIN DEFERRED");
            Assert.Equal(1, reader.ExecuteScalar<int>("SELECT count(*) FROM image_use"));
            for (var i = 0; i < 6000; i++)
                store.RecordUse(Id(i));
            Assert.True(store.Check().LogBytes > 16 << 20);
            Assert.Equal(1, reader.ExecuteScalar<int>("SELECT count(*) FROM image_use"));
        }

        for (var i = 0; i < 3; i++)
        {
            Time.Pass(Second); // So that each record writes.
            store.RecordUse(Id(i));
        }

        Assert.InRange(store.Check().LogBytes, 0, 8 << 20);
    }

    [Fact]
    public async Task A_database_that_was_deleted_or_replaced_is_noticed_at_the_next_call()
    {
        foreach (var change in (Action<string>[])[File.Delete, path => File.Move(path, $"{path}.moved"), path =>
            File.Replace(Replacement(), path, null)])
        {
            using var store = Open();
            store.RecordUse(Id(1));
            change(DatabasePath);

            foreach (var call in (Action[])[
                () => store.RecordUse(Id(2)), () => store.Prune([]), () => store.Count(), () => store.Check()])
            {
                var exception = Assert.Throws<ImageUseStoreException>(call);
                Assert.Equal(StoreErrorReason.Moved, exception.Reason);
                Assert.Contains("moved, replaced or deleted", exception.Message, StringComparison.Ordinal);
            }

            await Assert.ThrowsAsync<ImageUseStoreException>(() =>
                store.PruneAsync([], (_, _) => Task.CompletedTask, TestContext.Current.CancellationToken));

            store.Dispose();
            foreach (var file in Directory.GetFiles(Path.GetDirectoryName(DatabasePath)!))
                File.Delete(file);
        }
    }

    [Fact]
    public void A_full_disk_is_reported_and_the_same_store_works_again_when_there_is_space()
    {
        using var disk = SmallDisk.MountOrSkip();
        using var store = ImageUseStore.Open(new ImageUseStoreOptions { DatabasePath = disk.PathOf("image_use.db") },
            Time);
        store.RecordUse(Id(0));
        var filling = disk.FillUp();

        var exception = Assert.Throws<ImageUseStoreException>(() =>
        {
            for (var i = 1; i < 100_000; i++)
                store.RecordUse(Id(i));
        });

        Assert.Equal(StoreErrorReason.Full, exception.Reason);
        Assert.Contains("no space, no inodes or no quota left", exception.Message, StringComparison.Ordinal);
        var before = store.List().Count;
        File.Delete(filling);
        store.RecordUse(Id(200_000));
        Assert.Equal(before + 2, store.List().Count); // The second one is the use for which there was no room.
        Assert.Empty(store.Check().Damage);
    }

    [Fact]
    public void A_disk_that_is_full_at_the_first_start_is_reported_and_the_next_start_succeeds()
    {
        using var disk = SmallDisk.MountOrSkip();
        var path = disk.PathOf("image_use.db");
        var filling = disk.FillUp();

        var exception = Assert.Throws<ImageUseStoreException>(() => Open(options => options.DatabasePath = path));

        Assert.Equal(StoreErrorReason.Full, exception.Reason);
        Assert.DoesNotContain('\n', exception.Message);
        File.Delete(filling);
        using var store = ImageUseStore.Open(new ImageUseStoreOptions { DatabasePath = path }, Time);
        Assert.Empty(store.List());
    }

    private string Replacement()
    {
        var path = PathOf("replacement.db");
        Open(options => options.DatabasePath = path).Dispose();
        return path;
    }

    [Fact]
    public void ExplainPrune_works_while_another_process_holds_the_write_lock()
    {
        var store = Open(options => options.BusyTimeout = TimeSpan.FromMilliseconds(20));
        store.RecordUse(Id(1));
        using var writer = Sqlite.Connect(DatabasePath);
        writer.Execute("BEGIN IMMEDIATE");

        Assert.Single(store.ExplainPrune([Id(1)]));
    }

    [Fact]
    public void The_time_of_a_change_is_read_under_the_write_lock()
    {
        var time = new LockObservingTime();
        var store = Open(time: time);
        File.WriteAllText(PathOf("image_use"), $"{Id(2)} 16\n");
        using var other = new FailFastConnection($"Data Source={DatabasePath};Pooling=false");
        other.Open();
        time.IsLocked = () => IsLocked(other);

        foreach (var change in (Action[])[
            () => store.RecordUse(Id(1)), () => store.RecordUse([Id(1)]), () => store.Prune([]),
            () => store.ImportFlatFile(PathOf("image_use"))])
        {
            time.WasLocked = false;
            change();
            Assert.True(time.WasLocked);
            Assert.False(IsLocked(other));
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_record_that_waited_for_another_process_does_not_set_back_its_later_use(bool several)
    {
        var store = Open();
        using var other = new OtherProcess();
        Assert.Equal("recording", other.Ask("record-slowly", DatabasePath, Id(1)));
        var record = Wait.StartUntilAsleep(() =>
        {
            if (several)
                store.RecordUse([Id(1), Id(2)]);
            else
                store.RecordUse(Id(1));
        }, "the record waits for the lock of the other process");

        Time.Pass(OtherProcess.RecordsSlowlyFor);
        Assert.Equal("ok", other.Ask("go-on", "-"));
        await Wait.ForAsync(record, "the record returns, since the other process has recorded");

        Assert.Equal(SteppingTime.Start + OtherProcess.RecordsSlowlyFor, store.Find(Id(1))!.Value.LastUsedAt);
    }

    private static bool IsLocked(SqliteConnection other)
    {
        try
        {
            other.Execute("BEGIN IMMEDIATE");
            other.Execute("ROLLBACK");
            return false;
        }
        catch (SqliteException busy) when (busy.SqliteErrorCode == 5)
        {
            return true;
        }
    }

    private sealed class LockObservingTime : TimeProvider
    {
        public Func<bool> IsLocked { get; set; } = () => false;

        public bool WasLocked { get; set; }

        public override DateTimeOffset GetUtcNow() => SteppingTime.Start;

        public override long GetTimestamp()
        {
            WasLocked = IsLocked();
            return 0;
        }
    }
}
