namespace ImageGc.Sqlite.Tests;

/// <summary>Power fails while a salvage swaps the files, and the database is sound without its log.</summary>
public sealed class InterruptedSalvageTests : StoreTest
{
    /// <remarks>For example a backup was put in place, and the log of its predecessor was still there.</remarks>
    [Theory]
    [InlineData(1, true)]
    [InlineData(2, true)]
    [InlineData(3, false)]
    public void Power_loss_during_a_salvage_loses_no_image_of_the_log_if_the_file_alone_is_sound(
        int steps, bool salvagesAgain)
    {
        var (store, path) = KilledWithLog();
        store.BackupTo(FreshOf(path));
        Assert.Equal(steps, PutInPlace(path).Take(steps).Count());

        if (salvagesAgain) // A command that only reads must not show the database without the images of its log.
        {
            var interrupted = Assert.Throws<ImageUseStoreException>(
                () => Open(options => (options.DatabasePath, options.ReadOnly) = (path, true)));
            Assert.Contains("a salvage of it was interrupted", interrupted.Message, StringComparison.Ordinal);
        }

        using (var salvaged = Open(options => options.DatabasePath = path))
        {
            Assert.Equal(salvagesAgain, salvaged.Check().Salvaged is not null);
            Assert.NotNull(salvaged.Find(Id(1000)));
            Assert.Equal(501, salvaged.Count());
        }

        Assert.Null(Open(options => options.DatabasePath = path).Check().Salvaged);
        Assert.Single(KeptLogs());
        Assert.Empty(Directory.GetFiles(PathOf(""), "*.damaged*"));
    }

    [Fact]
    public void A_salvage_that_is_interrupted_twice_loses_no_image_of_either_log()
    {
        var (store, path) = KilledWithLog();
        Assert.Single(PutInPlace(path).Take(1));
        store.Forget(Id(1000));
        Sqlite.CommandLineOrSkip(DatabasePath, "PRAGMA wal_checkpoint(TRUNCATE)");
        store.RecordUse(Id(2000));
        Kill(DatabasePath);
        Assert.Single(PutInPlace(path).Take(1));

        var salvaged = Open(options => options.DatabasePath = path);

        Assert.NotNull(salvaged.Find(Id(1000)));
        Assert.NotNull(salvaged.Find(Id(2000)));
        Assert.Equal(2, KeptLogs().Count());
    }

    /// <summary>Returns a store with an image only in its log, and a copy of its files as after a crash.</summary>
    private (ImageUseStore Store, string Path) KilledWithLog()
    {
        var store = Open();
        store.RecordUse(Enumerable.Range(0, 500).Select(Id));
        Sqlite.CommandLineOrSkip(DatabasePath, "PRAGMA wal_checkpoint(TRUNCATE)");
        store.RecordUse(Id(1000));
        return (store, Kill(DatabasePath));
    }

    private static string FreshOf(string path) => $"{path}.salvaged";

    private static IEnumerable<string> PutInPlace(string path) =>
        Salvage.PutInPlace(FreshOf(path), path, $"{path}.corrupt-20260101T000000Z");

    /// <summary>Reading a database creates an empty log, which is kept too.</summary>
    private IEnumerable<string> KeptLogs() =>
        Directory.GetFiles(PathOf(""), "*.corrupt-*-wal*").Where(file => new FileInfo(file).Length > 0);
}
