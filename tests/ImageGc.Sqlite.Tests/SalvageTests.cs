namespace ImageGc.Sqlite.Tests;

/// <summary>Damage in unlucky circumstances.</summary>
public sealed class SalvageTests : StoreTest
{
    [Fact]
    public void A_row_that_only_damage_can_have_written_is_not_salvaged()
    {
        Open().RecordUse(Id(1));
        Sqlite.Execute(DatabasePath,
            "PRAGMA ignore_check_constraints = 1; INSERT INTO image_use VALUES ('two words', 1)");

        Assert.Equal([Id(1)], Open().List().Select(image => image.ImageId));
    }

    [Fact]
    public void A_row_that_only_damage_can_have_written_is_reported_and_never_returned_by_prune()
    {
        var store = Open(options => options.ImageAgeCleanupThreshold = TimeSpan.Zero);
        store.RecordUse(Id(1));
        Sqlite.Execute(DatabasePath,
            "PRAGMA ignore_check_constraints = 1; INSERT INTO image_use VALUES ('two words', 1)");

        Assert.Equal(StoreFailure.Corrupt, Assert.Throws<ImageUseStoreException>(() => store.Prune([])).Reason);
        Assert.Equal(StoreFailure.Corrupt, Assert.Throws<ImageUseStoreException>(() => store.List()).Reason);

        Assert.NotNull(store.Find(Id(1)));
        Assert.NotEmpty(store.Check().Damage);
    }

    [Fact]
    public void A_file_damaged_twice_in_a_second_is_kept_twice()
    {
        for (var times = 1; times <= 2; times++)
        {
            Open().Dispose();
            using (var file = File.OpenWrite(DatabasePath))
                file.Write(new byte[16]);

            Open().Dispose();

            Assert.Equal(times, Directory.GetFiles(PathOf(""), "*.corrupt-*").Length);
        }
    }

    [Fact]
    public void A_damaged_file_is_left_alone_while_another_process_replaces_files_beside_it()
    {
        Open().Dispose();
        using (var file = File.OpenWrite(DatabasePath))
            file.Write(new byte[16]);
        var damaged = File.ReadAllBytes(DatabasePath);
        using var held = DatabaseFile.LockDirectoryOf(DatabasePath, TimeSpan.Zero);

        var exception = Assert.Throws<ImageUseStoreException>(
            () => Open(options => options.BusyTimeout = TimeSpan.FromMilliseconds(50)));

        Assert.Equal(StoreFailure.Corrupt, exception.Reason);
        Assert.Contains("Could not lock the directory", exception.Message, StringComparison.Ordinal);
        Assert.Equal(damaged, File.ReadAllBytes(DatabasePath));
    }
}
