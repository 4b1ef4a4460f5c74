using Microsoft.Extensions.Logging;

namespace ImageGc.Sqlite.Tests;

public sealed class BackupTests : StoreTest
{
    private string Backup => PathOf("backup.db");

    [Fact]
    public void A_backup_contains_every_acknowledged_change_and_the_store_stays_usable()
    {
        var store = Open();
        store.RecordUse([Id(1), Id(2)]);
        store.Prune([Id(2)], TimeSpan.Zero);

        store.BackupTo(Backup);
        store.RecordUse(Id(3));

        using var copy = Open(options => options.DatabasePath = Backup);
        Assert.Equal([Id(2)], copy.List().Select(image => image.ImageId));
        Assert.Equal([Id(1)], copy.ListRemoved().Select(removed => removed.Image.ImageId));
        Assert.Empty(copy.Check().Damage);
        Assert.Equal(2, store.List().Count);
    }

    [Fact]
    public void A_backup_is_accessible_to_its_owner_only_and_leaves_no_other_file()
    {
        Open().BackupTo(Backup);

        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Backup));
        Assert.Equal(["backup.db"],
            Directory.GetFiles(PathOf(""), "backup*").Select(file => Path.GetFileName(file)));
    }

    [Fact]
    public void A_backup_works_while_another_process_is_writing()
    {
        var store = Open(options => options.BusyTimeout = TimeSpan.Zero);
        store.RecordUse(Id(1));
        using var writer = Sqlite.Connect(DatabasePath);
        using var transaction = writer.BeginTransaction();

        store.BackupTo(Backup);

        using var copy = Open(options => options.DatabasePath = Backup);
        Assert.Single(copy.List());
    }

    [Fact]
    public void A_read_only_store_can_be_backed_up()
    {
        Open().RecordUse(Id(1));

        using (var readOnly = Open(options => options.ReadOnly = true))
            readOnly.BackupTo(Backup);

        Assert.Single(Open(options => options.DatabasePath = Backup).List());
    }

    [Fact]
    public void A_backup_never_overwrites_a_file_and_says_what_to_do()
    {
        var store = Open();
        File.WriteAllText(Backup, "mine");

        var taken = Assert.Throws<ImageUseStoreException>(() => store.BackupTo(Backup));
        var nowhere = Assert.Throws<ImageUseStoreException>(() => store.BackupTo(PathOf("missing/backup.db")));

        Assert.Equal("mine", File.ReadAllText(Backup));
        Assert.Contains("never overwritten. Choose another file name", taken.Message, StringComparison.Ordinal);
        Assert.StartsWith($"Could not back up to '{PathOf("missing/backup.db")}'", nowhere.Message,
            StringComparison.Ordinal);
        foreach (var path in (string[])[DatabasePath, $"{DatabasePath}-wal", ""])
            Assert.ThrowsAny<ArgumentException>(() => store.BackupTo(path));
    }

    [Fact]
    public void A_backup_onto_a_full_disk_leaves_nothing_behind()
    {
        using var disk = SmallDisk.MountOrSkip();
        disk.FillUp();
        var store = Open();

        var exception = Assert.Throws<ImageUseStoreException>(() => store.BackupTo(disk.PathOf("backup.db")));

        Assert.Equal(StoreErrorReason.Full, exception.Reason);
        Assert.Empty(Directory.GetFiles(disk.PathOf(""), "backup*"));
    }

    [Fact]
    public void A_backup_is_logged()
    {
        var log = new RecordingLog();
        using var store = ImageUseStore.Open(new ImageUseStoreOptions { DatabasePath = DatabasePath }, Time, log);

        store.BackupTo(Backup);

        Assert.Contains($"Backed up {DatabasePath} to {Backup}", log.Messages(LogLevel.Information));
    }
}
