namespace ImageGc.Sqlite.Tests;

/// <summary>What people, other programs and the host itself do to the files of an open database.</summary>
public sealed class ExternalChangesTests : StoreTest
{
    /// <remarks>Closing a file drops all locks of this process on it, including those of SQLite.</remarks>
    [Fact]
    public void A_host_that_reads_the_database_files_loses_no_record_when_sqlite3_opens_them_too()
    {
        var store = Open();
        store.RecordUse(Id(0));
        foreach (var file in (string[])[DatabasePath, $"{DatabasePath}-wal", $"{DatabasePath}-shm"])
            File.ReadAllBytes(file);

        Assert.Equal("1\n", Sqlite.CommandLineOrSkip(DatabasePath, "SELECT count(*) FROM image_use"));
        for (var number = 1; number <= 30; number++)
            store.RecordUse(Id(number));

        Assert.Equal("31\n", Sqlite.CommandLineOrSkip(DatabasePath, "SELECT count(*) FROM image_use"));
        var left = Kill(DatabasePath);
        Assert.Equal(31, Open(options => options.DatabasePath = left).Count());
        store.Dispose();
        Assert.False(File.Exists($"{DatabasePath}-wal"));
        Assert.Equal(31, Open().Count());
    }

    [Fact]
    public void A_deleted_log_fails_the_next_record_and_closing_keeps_the_earlier_ones()
    {
        var store = Open();
        store.RecordUse(Id(1));
        File.Delete($"{DatabasePath}-wal");

        var exception = Assert.Throws<ImageUseStoreException>(() => store.RecordUse(Id(2)));

        Assert.Equal(StoreErrorReason.Moved, exception.Reason);
        Assert.Contains("its log was moved, replaced or deleted", exception.Message, StringComparison.Ordinal);
        store.Dispose();
        Assert.NotNull(Open().Find(Id(1)));
    }

    [Fact]
    public void A_log_that_another_program_replaced_is_not_deleted_when_the_store_closes()
    {
        var store = Open();
        store.RecordUse(Id(1));
        File.Move($"{DatabasePath}-wal", PathOf("moved"));
        File.WriteAllText($"{DatabasePath}-wal", "another log");

        store.Dispose();

        Assert.Equal("another log", File.ReadAllText($"{DatabasePath}-wal"));
    }

    /// <summary>
    /// A backup replaces a database whose log is still there. SQLite would replay that log into the backup.
    /// </summary>
    [Theory]
    [InlineData("mv")]
    [InlineData("cp")]
    public void A_backup_put_in_place_of_a_database_keeps_its_images_and_those_of_the_old_log(string command)
    {
        var lost = new List<string>();
        for (var seed = 0; seed < 40; seed++)
        {
            var random = new Random(seed);
            var path = Path.Combine(Directory.CreateDirectory(PathOf($"{seed}")).FullName, "image_use.db");
            var store = Open(options => (options.DatabasePath, options.Durability) = (path, Durability.Normal));
            var kept = new HashSet<string>();
            RecordSome(store, kept, random, most: 3000);
            var backup = path + ".backup";
            if (seed % 2 == 0)
                store.BackupTo(backup);
            else
                Sqlite.CommandLineOrSkip(path, $".backup '{backup}'");
            if (random.Next(2) == 0)
                Sqlite.CommandLineOrSkip(path, "PRAGMA wal_checkpoint(TRUNCATE)");
            RecordSome(store, kept, random, most: 300);

            var left = Kill(path);
            Shell.Run(command, backup, left);

            using var restarted = Open(options => options.DatabasePath = left);
            var missing = kept.Except(restarted.List().Select(image => image.ImageId)).Count();
            if (missing > 0 || restarted.Check().Damage.Count > 0)
                lost.Add($"seed {seed}: {missing} of {kept.Count} are missing");
        }

        Assert.Empty(lost);
    }

    [Fact]
    public void A_database_overwritten_in_place_keeps_every_record_acknowledged_afterwards()
    {
        foreach (var closes in (bool[])[true, false])
        {
            var path = PathOf($"{closes}.db");
            var store = Open(options => options.DatabasePath = path);
            store.RecordUse(Enumerable.Range(0, 500).Select(Id));
            store.BackupTo($"{path}.backup");
            store.RecordUse(Enumerable.Range(500, 500).Select(Id));
            Shell.Run("cp", $"{path}.backup", path);
            for (var number = 1000; number < 1030; number++)
                store.RecordUse(Id(number));

            if (closes)
                store.Dispose();
            else
                path = Kill(path);

            using var restarted = Open(options => options.DatabasePath = path);
            var tracked = restarted.List().Select(image => image.ImageId).ToHashSet();
            Assert.Empty(Enumerable.Range(0, 500).Concat(Enumerable.Range(1000, 30)).Select(Id).Except(tracked));
        }
    }

    [Fact]
    public void A_database_file_mounted_without_its_directory_is_refused()
    {
        Open().Dispose();
        File.WriteAllText(PathOf("inside.db"), "");
        Assert.SkipUnless(Shell.TryRun("mount", "--bind", DatabasePath, PathOf("inside.db")), "Needs to mount.");
        try
        {
            foreach (var readOnly in (bool[])[false, true])
            {
                var exception = Assert.Throws<ImageUseStoreException>(() =>
                    Open(options => (options.DatabasePath, options.ReadOnly) = (PathOf("inside.db"), readOnly)));

                Assert.Equal(StoreErrorReason.Unavailable, exception.Reason);
                Assert.Contains("Mount the directory", exception.Message, StringComparison.Ordinal);
            }

            Assert.False(File.Exists(PathOf("inside.db-wal")));
        }
        finally
        {
            Shell.Run("umount", PathOf("inside.db"));
        }
    }

    [Fact]
    public void A_database_file_with_two_hard_links_is_opened_with_a_warning()
    {
        Open().Dispose();
        Shell.Run("ln", DatabasePath, PathOf("second.db"));
        var log = new RecordingLog();

        using var store = ImageUseStore.Open(new ImageUseStoreOptions { DatabasePath = DatabasePath }, Time, log);

        Assert.Contains("has other names (hard links): 1",
            Assert.Single(log.Messages(Microsoft.Extensions.Logging.LogLevel.Warning)), StringComparison.Ordinal);
    }

    /// <summary>Records in several transactions, and forgets images in between, which leaves free pages.</summary>
    private static void RecordSome(ImageUseStore store, HashSet<string> tracked, Random random, int most)
    {
        for (var batches = random.Next(1, 6); batches > 0; batches--)
        {
            var count = random.Next(1, most / 3);
            List<string> batch = [.. Enumerable.Range(0, count).Select(_ => Id(random.Next(10_000)))];
            store.RecordUse(batch);
            tracked.UnionWith(batch);
            if (random.Next(4) == 0)
            {
                var gone = store.List().Take(tracked.Count / 2).ToList();
                store.ForgetGone(gone);
                tracked.ExceptWith(gone.Select(image => image.ImageId));
            }
        }
    }
}
