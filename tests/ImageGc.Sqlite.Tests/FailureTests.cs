using Microsoft.Data.Sqlite;

namespace ImageGc.Sqlite.Tests;

/// <summary>What SQLite reports becomes a reason that code can switch on.</summary>
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
    [InlineData(8, 1032, StoreErrorReason.Unavailable)] // SQLITE_READONLY_DBMOVED
    [InlineData(14, 14, StoreErrorReason.Unavailable)]
    [InlineData(3, 3, StoreErrorReason.Unavailable)] // SQLITE_PERM
    [InlineData(11, 11, StoreErrorReason.Corrupt)]
    [InlineData(26, 26, StoreErrorReason.Corrupt)] // SQLITE_NOTADB
    [InlineData(10, 1034, StoreErrorReason.IoError)] // SQLITE_IOERR_FSYNC
    [InlineData(1, 1, StoreErrorReason.Other)]
    [InlineData(7, 7, StoreErrorReason.Other)] // SQLITE_NOMEM
    public void Every_code_of_SQLite_has_a_reason_and_stays_in_the_message(
        int code, int extended, StoreErrorReason reason)
    {
        var cause = new SqliteException("what SQLite says", code, extended);

        var exception = ImageUseStoreException.From(cause, DatabasePath, "record the use of an image");

        Assert.Equal((reason, DatabasePath, cause),
            (exception.Reason, exception.DatabasePath, exception.InnerException));
        Assert.StartsWith($"Could not record the use of an image in '{DatabasePath}': ", exception.Message,
            StringComparison.Ordinal);
        Assert.EndsWith($"(SQLite error {code}/{extended}: what SQLite says)", exception.Message,
            StringComparison.Ordinal);
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
    public void A_value_that_the_schema_forbids_is_damage(string type)
    {
        Open().Dispose();
        Sqlite.Execute(DatabasePath, $"""
            DROP TABLE image_use;
            CREATE TABLE image_use (image_id TEXT PRIMARY KEY, boot INTEGER, ran_at {type});
            INSERT INTO image_use VALUES ('a', 0, NULL);
            """);
        var store = Open();

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
    public void Every_failure_says_what_could_not_be_done()
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
