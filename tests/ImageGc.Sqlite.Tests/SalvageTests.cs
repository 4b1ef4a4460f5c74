using Microsoft.Extensions.Logging;

namespace ImageGc.Sqlite.Tests;

/// <summary>Damage in special circumstances: single rows, a power loss during the salvage, a full disk.</summary>
public sealed class SalvageTests : StoreTest
{
    [Fact]
    public void Open_removes_invalid_rows_and_quotes_them_in_the_log()
    {
        using (var store = Open())
            store.RecordUse([Id(1), Id(2), Id(3)]);
        Sqlite.Execute(DatabasePath, $"""
            PRAGMA ignore_check_constraints = 1;
            INSERT INTO image_use VALUES ('two words', 1, 1), (CAST(x'7368FFFE61' AS TEXT), 1, 1);
            UPDATE image_use SET ran_at = 'yesterday' WHERE image_id = '{Id(3)}';
            """);
        var log = new RecordingLog();

        using (var store = ImageUseStore.Open(new ImageUseStoreOptions { DatabasePath = DatabasePath }, Time, log))
        {
            Assert.Equal([Id(1), Id(2)], store.List().Select(image => image.ImageId));
            Assert.Empty(store.Check().Damage);
            Assert.Null(store.Check().Salvaged);
        }

        Assert.Equal(
            [$"Removed 3 rows of {DatabasePath} that contain no image, because of damage: "
                + $"'{Id(3)}', 'sh\ufffd\ufffda', 'two words'"],
            log.Messages(LogLevel.Warning));
    }

    [Theory]
    [InlineData("x'61FF'")] // Not UTF-8.
    [InlineData("x'610062'")] // Contains NUL, where SQLite's own functions end a text.
    [InlineData("x'61C2A062'")] // Contains a space that is not ASCII.
    [InlineData("''")]
    [InlineData("printf('%0513d', 1)")]
    public void Open_removes_a_row_whose_image_ID_is_invalid(string imageId)
    {
        using (var store = Open())
            store.RecordUse([Id(1), "bild-\u00fc", new string('x', ImageId.MaxLength)]);
        Sqlite.Execute(DatabasePath,
            $"PRAGMA ignore_check_constraints = 1; INSERT INTO image_use VALUES (CAST({imageId} AS TEXT), 1, 1)");

        Open().Dispose();

        Assert.Equal(3, Assert.Single(Sqlite.Query<int>(DatabasePath, "SELECT count(*) FROM image_use")));
    }

    [Fact]
    public async Task An_ID_that_is_not_valid_text_is_found_by_Check_and_does_not_stop_a_prune()
    {
        var store = Open();
        store.RecordUse(Id(1));
        Sqlite.Execute(DatabasePath, "INSERT INTO image_use VALUES (CAST(x'7368FFFE61' AS TEXT), 1, 1)");

        Assert.Equal([Id(1)], store.List().Select(image => image.ImageId));
        Assert.Equal(["1 rows of image_use contain no image"], store.Check().Damage);
        Time.Pass(TimeSpan.FromDays(8));
        var result = await store.PruneAsync(
            [], (_, _) => Task.CompletedTask, TestContext.Current.CancellationToken);
        Assert.Equal((1, 0), (result.Removed.Count, result.UsedMeanwhile.Count));
        Assert.Throws<ArgumentException>(() => store.RecordUse("sh\ufffd"));
    }

    [Fact]
    public async Task A_flipped_bit_in_a_key_is_repaired_by_Open_and_no_image_is_removed_twice()
    {
        using (var store = Open())
            store.RecordUse(Enumerable.Range(0, 200).Select(Id));
        var file = File.ReadAllBytes(DatabasePath);
        var key = file.AsSpan().LastIndexOf(System.Text.Encoding.UTF8.GetBytes(Id(100)));
        file[key + 10] ^= 1; // A digit among zeros, so that the key now sorts after all others.
        File.WriteAllBytes(DatabasePath, file);

        using var salvaged = Open();

        Assert.NotNull(salvaged.Check().Salvaged);
        Assert.Empty(salvaged.Check().Damage);
        Assert.Equal(200, salvaged.Count());
        Time.Pass(TimeSpan.FromDays(8));
        var removed = new List<string>();
        await salvaged.PruneAsync([], (image, _) =>
        {
            removed.Add(image.ImageId);
            return Task.CompletedTask;
        }, TestContext.Current.CancellationToken);
        Assert.Equal(200, removed.Distinct().Count());
        Assert.Equal(200, removed.Count);
    }

    [Theory]
    [InlineData("before the fresh database is complete")]
    [InlineData("after the log was moved")]
    [InlineData("after the damaged database got a second name")]
    public void Power_loss_during_a_salvage_loses_no_image_that_was_only_in_the_log(string when)
    {
        var store = Open();
        store.RecordUse(Enumerable.Range(0, 500).Select(Id));
        Sqlite.CommandLineOrSkip(DatabasePath, "PRAGMA wal_checkpoint(TRUNCATE)");
        store.RecordUse(Id(1000));
        var path = Kill(DatabasePath);
        using (var file = File.OpenWrite(path))
        {
            file.Position = 8 * 4096; // The log does not contain this page.
            file.Write(new byte[4096]);
        }

        var (fresh, kept) = ($"{path}.salvaged", $"{path}.corrupt-20260101T000000Z");
        File.WriteAllText(fresh, "half of it");
        if (!when.StartsWith("before", StringComparison.Ordinal))
            Assert.Single(Salvage.PutInPlace(fresh, path, kept).Take(1));
        if (when.EndsWith("name", StringComparison.Ordinal))
            Shell.Run("ln", path, kept);

        var salvaged = Open(options => options.DatabasePath = path);

        Assert.NotNull(salvaged.Check().Salvaged);
        Assert.NotNull(salvaged.Find(Id(1000)));
        Assert.InRange(salvaged.Count(), 450, 501);
        Assert.False(File.Exists(fresh));
    }

    [Fact]
    public async Task An_invalid_row_is_left_out_and_does_not_stop_a_prune()
    {
        var log = new RecordingLog();
        using var store = ImageUseStore.Open(new ImageUseStoreOptions { DatabasePath = DatabasePath }, Time, log);
        store.RecordUse([Id(1), Id(2), Id(3)]);
        Sqlite.Execute(DatabasePath, $"""
            PRAGMA ignore_check_constraints = 1;
            UPDATE image_use SET image_id = 'two words' WHERE image_id = '{Id(2)}';
            UPDATE image_use SET ran_at = -1 WHERE image_id = '{Id(3)}';
            """);

        Assert.Equal([Id(1)], store.List().Select(image => image.ImageId));
        Assert.Null(store.Find(Id(3)));
        Assert.Equal([Id(1)], store.ExplainPrune([]).Select(verdict => verdict.Image.ImageId));
        Assert.StartsWith("Left out 2 rows", log.Messages(LogLevel.Warning)[0], StringComparison.Ordinal);
        Assert.NotEmpty(store.Check().Damage);
        Time.Pass(TimeSpan.FromDays(8));
        var removed = new List<string>();
        await store.PruneAsync([], (image, _) =>
        {
            removed.Add(image.ImageId);
            return Task.CompletedTask;
        }, TestContext.Current.CancellationToken);
        Assert.Equal([Id(1)], removed);
    }

    [Fact]
    public void Check_finds_an_invalid_image_ID_that_the_schema_allows()
    {
        var store = Open();
        store.RecordUse(Id(1));
        Sqlite.Execute(DatabasePath, "INSERT INTO image_use VALUES ('a' || char(160) || 'b', 1, 1)");

        Assert.Equal([Id(1)], store.List().Select(image => image.ImageId));
        Assert.Equal(["1 rows of image_use contain no image"], store.Check().Damage);
    }

    [Fact]
    public void A_salvage_on_a_full_disk_reports_it_and_leaves_no_file_behind()
    {
        using var disk = SmallDisk.MountOrSkip();
        var path = disk.PathOf("image_use.db");
        using (var store = Open(options => options.DatabasePath = path))
            store.RecordUse(Enumerable.Range(0, 500).Select(Id));
        using (var file = File.OpenWrite(path))
        {
            file.Position = file.Length - 4096;
            file.Write(new byte[4096]);
        }

        var filling = disk.FillUp();
        using (var file = File.OpenWrite(filling))
            file.SetLength(file.Length - (96 << 10));
        for (var tries = 0; tries < 2; tries++)
        {
            var exception = Assert.Throws<ImageUseStoreException>(() => Open(options => options.DatabasePath = path));

            Assert.Equal((StoreErrorReason.Full, path), (exception.Reason, exception.DatabasePath));
            Assert.Contains("it is damaged, and replacing it failed", exception.Message, StringComparison.Ordinal);
            Assert.Empty(Directory.GetFiles(disk.PathOf(""), "*.corrupt-*"));
        }

        File.Delete(filling);
        Assert.NotEmpty(Open(options => options.DatabasePath = path).List());
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
    public void A_damaged_file_is_left_alone_while_its_directory_is_locked()
    {
        Open().Dispose();
        using (var file = File.OpenWrite(DatabasePath))
            file.Write(new byte[16]);
        var damaged = File.ReadAllBytes(DatabasePath);
        using var held = DatabaseFile.LockDirectoryOf(DatabasePath, TimeSpan.Zero);

        var exception = Assert.Throws<ImageUseStoreException>(
            () => Open(options => options.BusyTimeout = TimeSpan.FromMilliseconds(50)));

        Assert.Equal(StoreErrorReason.Corrupt, exception.Reason);
        Assert.Contains("Could not lock the directory", exception.Message, StringComparison.Ordinal);
        Assert.Equal(damaged, File.ReadAllBytes(DatabasePath));
    }

    [Fact]
    public void Check_names_the_kept_file_until_the_next_open()
    {
        Open().Dispose();
        using (var file = File.OpenWrite(DatabasePath))
            file.Write(new byte[16]);

        using (var healed = Open())
            Assert.Equal($"{DatabasePath}.corrupt-20260301T120000Z", healed.Check().Salvaged);
        Assert.Null(Open().Check().Salvaged);
    }

    [Theory]
    [InlineData("UPDATE boot SET last_seen = 'yesterday' WHERE boot <> 0")]
    [InlineData("UPDATE prune_run SET kind = 'nonsense'")]
    public void A_row_beside_the_images_that_only_damage_can_have_written_makes_it_salvage(string sql)
    {
        using (var store = Open())
        {
            store.RecordUse(Id(1));
            store.Prune([]);
        }

        Sqlite.Execute(DatabasePath, $"PRAGMA ignore_check_constraints = 1; {sql}");

        var salvaged = Open();

        Assert.NotNull(salvaged.Check().Salvaged);
        Assert.Equal([Id(1)], salvaged.List().Select(image => image.ImageId));
    }
}
