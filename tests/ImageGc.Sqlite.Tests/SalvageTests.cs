using Microsoft.Extensions.Logging;

namespace ImageGc.Sqlite.Tests;

/// <summary>Damage in unlucky circumstances.</summary>
public sealed class SalvageTests : StoreTest
{
    [Fact]
    public void A_row_that_only_damage_can_have_written_is_not_salvaged()
    {
        Open().RecordUse(Id(1));
        Sqlite.Execute(DatabasePath,
            "PRAGMA ignore_check_constraints = 1; INSERT INTO image_use VALUES ('two words', 1, 1)");

        Assert.Equal([Id(1)], Open().List().Select(image => image.ImageId));
    }

    [Fact]
    public async Task A_row_that_only_damage_can_have_written_is_left_out_and_stops_no_prune()
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
    public void A_row_that_the_schema_allows_and_no_image_can_have_is_found_by_a_check()
    {
        var store = Open();
        store.RecordUse(Id(1));
        Sqlite.Execute(DatabasePath, "INSERT INTO image_use VALUES ('a' || char(160) || 'b', 1, 1)");

        Assert.Equal([Id(1)], store.List().Select(image => image.ImageId));
        Assert.Equal(["1 rows of image_use hold no image"], store.Check().Damage);
    }

    [Fact]
    public void A_salvage_that_a_full_disk_stops_says_so_and_leaves_nothing_behind()
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
            file.SetLength(file.Length - (80 << 10));
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
    public void A_damaged_file_is_left_alone_while_another_process_replaces_files_beside_it()
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
    public void Check_names_the_kept_file_until_the_store_is_opened_anew()
    {
        Open().Dispose();
        using (var file = File.OpenWrite(DatabasePath))
            file.Write(new byte[16]);

        using (var healed = Open())
            Assert.Equal($"{DatabasePath}.corrupt-20260301T120000Z", healed.Check().Salvaged);
        Assert.Null(Open().Check().Salvaged);
    }
}
