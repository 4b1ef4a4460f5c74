using Microsoft.Data.Sqlite;

namespace ImageGc.Sqlite.Tests;

/// <summary>An error of SQLite or the system becomes a reason that code can switch on.</summary>
public sealed class FailureTests : StoreTest
{
    /// <summary>https://www.sqlite.org/rescode.html</summary>
    [Theory]
    [InlineData(5, 5, StoreErrorReason.Busy)]
    [InlineData(6, 262, StoreErrorReason.Busy)] // SQLITE_LOCKED_SHAREDCACHE
    [InlineData(13, 13, StoreErrorReason.Full)]
    [InlineData(10, 4874, StoreErrorReason.Full)] // SQLITE_IOERR_SHMSIZE
    [InlineData(8, 8, StoreErrorReason.ReadOnly)]
    [InlineData(8, 1544, StoreErrorReason.ReadOnly)] // SQLITE_READONLY_DIRECTORY
    [InlineData(8, 1032, StoreErrorReason.Moved)] // SQLITE_READONLY_DBMOVED
    [InlineData(14, 14, StoreErrorReason.Unavailable)]
    [InlineData(3, 3, StoreErrorReason.Unavailable)] // SQLITE_PERM
    [InlineData(11, 11, StoreErrorReason.Corrupt)]
    [InlineData(26, 26, StoreErrorReason.Corrupt)] // SQLITE_NOTADB
    [InlineData(10, 1034, StoreErrorReason.IoError)] // SQLITE_IOERR_FSYNC
    [InlineData(15, 15, StoreErrorReason.Busy)] // SQLITE_PROTOCOL
    [InlineData(1, 1, StoreErrorReason.Other)]
    [InlineData(7, 7, StoreErrorReason.Other)] // SQLITE_NOMEM
    public void A_SQLite_result_code_becomes_a_reason_and_stays_in_the_message(
        int code, int extended, StoreErrorReason reason)
    {
        var cause = new SqliteException("what SQLite says", code, extended);

        var exception = StorageFailure.From(cause, DatabasePath, "record the use of an image");

        Assert.Equal((reason, DatabasePath, cause),
            (exception.Reason, exception.DatabasePath, exception.InnerException));
        Assert.StartsWith($"Could not record the use of an image in '{DatabasePath}': ", exception.Message,
            StringComparison.Ordinal);
        Assert.EndsWith($"(what SQLite says; extended code {extended})", exception.Message,
            StringComparison.Ordinal);
    }

    /// <summary>`errno`, from asm-generic/errno-base.h and errno.h.</summary>
    [Theory]
    [InlineData(28, StoreErrorReason.Full)] // ENOSPC
    [InlineData(122, StoreErrorReason.Full)] // EDQUOT
    [InlineData(30, StoreErrorReason.ReadOnly)] // EROFS
    [InlineData(24, StoreErrorReason.Unavailable)] // EMFILE
    [InlineData(5, StoreErrorReason.IoError)] // EIO
    [InlineData(13, StoreErrorReason.Unavailable)] // EACCES
    public void A_system_error_becomes_a_reason(int systemError, StoreErrorReason reason)
    {
        var exception = StorageFailure.From(
            new IOException("what the system says", systemError), DatabasePath, "create the database", "Do this.");

        Assert.Equal(reason, exception.Reason);
        Assert.StartsWith($"Could not create the database '{DatabasePath}': what the system says. ", exception.Message,
            StringComparison.Ordinal);
    }

    /// <summary>SQLite has a single code for a file that it cannot open, whatever the cause.</summary>
    [Theory]
    [InlineData(1)] // For the directory alone.
    [InlineData(2)] // And for the database.
    [InlineData(3)] // And for its log, but not for the index of the log.
    public void A_file_system_without_free_inodes_is_reported_as_full(int inodes)
    {
        using var disk = SmallDisk.MountOrSkip($"size=1m,nr_inodes={inodes}");
        var path = disk.PathOf("image_use.db");

        var exception = Assert.Throws<ImageUseStoreException>(() => Open(options => options.DatabasePath = path));

        Assert.True(exception.Reason == StoreErrorReason.Full, exception.ToString());
        Assert.Contains("df -i", exception.Message, StringComparison.Ordinal);
        Shell.Run("mount", "-o", "remount,nr_inodes=10", disk.PathOf("."));
        Open(options => options.DatabasePath = path).RecordUse(Id(1));
    }

    [Fact]
    public void A_file_system_that_turns_read_only_is_reported_as_read_only()
    {
        using var disk = SmallDisk.MountExt4OrSkip(PathOf("ext4"));
        var path = disk.PathOf("image_use.db");
        var store = Open(options => options.DatabasePath = path);
        store.RecordUse(Id(1));
        disk.Remount("abort");

        foreach (var call in (Action[])[() => store.RecordUse(Id(2)), () => store.Prune([]),
            () => Open(options => options.DatabasePath = path)])
        {
            var exception = Assert.Throws<ImageUseStoreException>(call);
            Assert.Equal(StoreErrorReason.ReadOnly, exception.Reason);
            Assert.Contains("file system", exception.Message, StringComparison.Ordinal);
        }

        Assert.Equal(Id(1), Assert.Single(store.List()).ImageId);
        store.Dispose();
    }

    [Fact]
    public void A_file_system_that_cannot_share_memory_is_refused()
    {
        var exception = Assert.Throws<ImageUseStoreException>(() => Open(options => options.Vfs = "unix-dotfile"));

        Assert.Equal(StoreErrorReason.Unavailable, exception.Reason);
        Assert.Contains("Use a local file system", exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("INTEGER")]
    public void A_value_that_the_schema_forbids_is_reported_as_damage(string type)
    {
        var store = Open();
        Sqlite.Execute(DatabasePath, $"""
            DROP TABLE image_use;
            CREATE TABLE image_use (image_id TEXT PRIMARY KEY, boot INTEGER, ran_at {type});
            INSERT INTO image_use VALUES ('a', 0, NULL);
            """);

        foreach (var read in (Action[])[() => store.List(), () => store.Find("a"), () => store.ExplainPrune([])])
            Assert.Equal(StoreErrorReason.Corrupt, Assert.Throws<ImageUseStoreException>(read).Reason);
    }

    [Fact]
    public void An_export_onto_a_full_disk_leaves_nothing_behind()
    {
        using var disk = SmallDisk.MountOrSkip();
        var filling = disk.FillUp();
        var store = Open();
        store.RecordUse(Enumerable.Range(0, 1000).Select(Id));

        var exception = Assert.Throws<ImageUseStoreException>(() => store.ExportFlatFile(disk.PathOf("image_use")));

        Assert.Equal(StoreErrorReason.FlatFile, exception.Reason);
        Assert.Equal([filling], Directory.GetFiles(disk.PathOf("")));
    }

    [Fact]
    public void A_failure_says_what_could_not_be_done()
    {
        var store = Open();
        store.RecordUse(Id(1));
        var image = store.List()[0];
        File.WriteAllText(PathOf("image_use"), $"{Id(1)} {SteppingTime.Start.ToUnixTimeSeconds()}\n");
        Sqlite.Execute(DatabasePath, "DROP TABLE image_use; DROP TABLE prune_run");

        foreach (var (doing, call) in ((string, Action)[])
            [
                ("record the use of an image", () => store.RecordUse(Id(1))),
                ("record the use of an image", () => store.RecordUse([Id(1)])),
                ("list the images", () => store.List()),
                ("count the images", () => store.Count()),
                ("look up an image", () => store.Find(Id(1))),
                ("forget an image", () => store.Forget(Id(1))),
                ("forget images that are gone", () => store.ForgetGone([image])),
                ("check the database", () => store.Check()),
                ("prune the images", () => store.Prune([])),
                ("prune the images", () => store.PruneAsync([], (_, _) => Task.CompletedTask).GetAwaiter().GetResult()),
                ("explain a prune", () => store.ExplainPrune([])),
                ("list the prunes", () => store.ListPrunes()),
                ("list the removed images", () => store.ListRemoved()),
                ($"import '{PathOf("image_use")}'", () => store.ImportFlatFile(PathOf("image_use"))),
            ])
            Assert.StartsWith($"Could not {doing} in '{DatabasePath}': ",
                Assert.Throws<ImageUseStoreException>(call).Message, StringComparison.Ordinal);
    }
}
