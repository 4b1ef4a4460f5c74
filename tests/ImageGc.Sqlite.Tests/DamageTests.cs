using System.Collections.Concurrent;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging;

namespace ImageGc.Sqlite.Tests;

public sealed class DamageTests : StoreTest
{
    private const int PageSize = 4096;
    private const int Images = 20_000;

    /// <summary>Whether to try every page instead of every eighth one.</summary>
    private static readonly bool EveryPage = Environment.GetEnvironmentVariable("IMAGEGC_EVERY_PAGE") is not null;

    private static readonly byte[] Sound = CreateSound();

    [Fact]
    public void A_single_bad_page_behind_the_header_is_salvaged_and_the_damaged_file_is_kept()
    {
        var pages = Enumerable.Range(0, Sound.Length / PageSize).Where(page => page < 5 || EveryPage || page % 8 == 0)
            .ToList();
        var salvaged = new ConcurrentDictionary<int, int?>();

        Parallel.ForEach(pages, page => salvaged[page] = OpenDamaged($"{page}.db", Damage([page], seed: page)));

        TestContext.Current.SendDiagnosticMessage(
            $"{pages.Count} of {Sound.Length / PageSize} pages made bad one by one: "
            + $"{salvaged.Values.Count(images => images is not null)} healed, "
            + $"{salvaged.Values.Count(images => images > Images * 99 / 100)} of them with over 99% of the images.");
        // Page 0 is the header: without it nothing shows that the file is ours.
        Assert.Equal([0], salvaged.Where(page => page.Value is null).Select(page => page.Key));
        Assert.All(LeafPages.Intersect(pages), page => Assert.True(salvaged[page] > Images * 99 / 100));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void Ten_bad_pages_cost_less_than_one_image_in_twenty(int seed)
    {
        var random = new Random(seed);
        var pages = Enumerable.Range(0, 10).Select(_ => LeafPages[random.Next(LeafPages.Length)]).ToArray();

        var salvaged = OpenDamaged("image_use.db", Damage(pages, seed));

        TestContext.Current.SendDiagnosticMessage($"Ten bad pages: {salvaged} of {Images} images salvaged.");
        Assert.True(salvaged >= Images * 95 / 100, $"{salvaged} of {Images}");
    }

    [Fact]
    public void A_file_cut_off_at_any_length_is_salvaged_or_refused_with_a_storage_failure()
    {
        var salvaged = new ConcurrentDictionary<int, int?>();

        Parallel.For(0, 50, cut =>
            salvaged[cut] = OpenDamaged($"{cut}.db", Sound[..(int)((long)Sound.Length * cut / 50)]));

        Assert.True(salvaged[49] > Images * 90 / 100, $"{salvaged[49]} of {Images}");
    }

    [Fact]
    public void Salvaged_images_count_as_used_now_and_a_warning_names_the_kept_file()
    {
        File.WriteAllBytes(DatabasePath, Damage([LeafPages[7]], seed: 1));
        File.WriteAllBytes($"{DatabasePath}-wal", []);
        var log = new RecordingLog();
        Time.Pass(TimeSpan.FromDays(100));

        using var store = ImageUseStore.Open(new ImageUseStoreOptions { DatabasePath = DatabasePath }, Time, log);

        Assert.All(store.List(), image => Assert.Equal(Time.GetUtcNow(), image.LastUsedAt));
        Assert.Empty(store.Prune([]));
        var warning = Assert.Single(log.Messages(LogLevel.Warning));
        var kept = Assert.Single(Directory.GetFiles(Path.GetDirectoryName(DatabasePath)!, "*.corrupt-*Z"));
        Assert.EndsWith(".corrupt-20260609T120000Z", kept, StringComparison.Ordinal);
        Assert.Contains(kept, warning, StringComparison.Ordinal);
        Assert.True(File.Exists($"{kept}-wal"));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(DatabasePath));
        Assert.DoesNotContain(Directory.GetFiles(Path.GetDirectoryName(DatabasePath)!), file =>
            file.Contains("salvaged", StringComparison.Ordinal));
    }

    [Fact]
    public void A_file_with_a_zeroed_header_is_refused_and_left_untouched()
    {
        var zeroed = (byte[])Sound.Clone();
        Array.Clear(zeroed, 0, 100);

        Assert.Null(OpenDamaged("image_use.db", zeroed));
    }

    [Fact]
    public void A_damaged_header_that_still_has_our_application_ID_is_repaired()
    {
        var damaged = (byte[])Sound.Clone();
        Array.Clear(damaged, 0, 16);

        Assert.NotNull(OpenDamaged("image_use.db", damaged));
    }

    [Fact]
    public void A_file_of_zeros_left_by_power_loss_is_created_anew_without_a_warning()
    {
        File.WriteAllBytes(DatabasePath, new byte[PageSize]);
        var log = new RecordingLog();

        using var store = ImageUseStore.Open(new ImageUseStoreOptions { DatabasePath = DatabasePath }, Time, log);

        Assert.Empty(store.List());
        Assert.Empty(log.Messages(LogLevel.Warning));
        Assert.Empty(Directory.GetFiles(PathOf(""), "*.corrupt-*"));
    }

    [Fact]
    public void Garbage_in_the_log_loses_no_row_of_the_database()
    {
        foreach (var length in (int[])[1, 31, 32, 100, 4152, 100_000])
        {
            var path = PathOf($"{length}.db");
            File.WriteAllBytes(path, Sound);
            File.WriteAllBytes($"{path}-wal", RandomNumberGenerator.GetBytes(length));

            using var store = Open(options => options.DatabasePath = path);

            Assert.Equal(Images, store.List().Count);
        }
    }

    [Fact]
    public void Damage_found_while_the_store_is_open_is_reported_and_repaired_at_the_next_open()
    {
        File.WriteAllBytes(DatabasePath, Sound);
        var store = Open();
        // This makes the pages that the store has cached out of date.
        Sqlite.Execute(DatabasePath, "UPDATE image_use SET ran_at = ran_at + 1 WHERE image_id > 'sha256:f'");
        using (var file = new FileStream(DatabasePath, FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
        {
            foreach (var page in LeafPages.Skip(20).Take(50))
            {
                file.Position = (long)page * PageSize;
                file.Write(new byte[PageSize]);
            }
        }

        Assert.Equal(StoreErrorReason.Corrupt, Assert.Throws<ImageUseStoreException>(() => store.List()).Reason);
        store.Dispose();

        Assert.InRange(Open().List().Count, Images / 2, Images - 1);
    }

    [Fact]
    public void A_damaged_file_is_left_alone_while_another_process_has_it_open()
    {
        File.WriteAllBytes(DatabasePath, Sound);
        using var other = new OtherProcess();
        Assert.Equal("ok", other.Ask("hold", DatabasePath));
        var damaged = Damage([LeafPages[3]], seed: 3);
        File.WriteAllBytes(DatabasePath, damaged);

        var exception = Assert.Throws<ImageUseStoreException>(
            () => Open(options => options.BusyTimeout = TimeSpan.FromMilliseconds(50)));

        Assert.Equal(StoreErrorReason.Corrupt, exception.Reason);
        Assert.Contains("Another process has it open", exception.Message, StringComparison.Ordinal);
        Assert.Equal(damaged, File.ReadAllBytes(DatabasePath));
        other.Kill();
        Assert.NotEmpty(Open().List());
    }

    [Fact]
    public void Four_processes_that_open_a_damaged_file_at_once_salvage_it_once()
    {
        File.WriteAllBytes(DatabasePath, Damage([LeafPages[3]], seed: 3));
        var processes = Enumerable.Range(0, 4).Select(_ => new OtherProcess()).ToList();

        processes.ForEach(process => process.Tell("open", DatabasePath));

        Assert.All(processes, process => Assert.Equal("ok", process.Answer()));
        processes.ForEach(process => process.Dispose());
        Assert.Single(Directory.GetFiles(Path.GetDirectoryName(DatabasePath)!, "*.corrupt-*Z"));
        Assert.True(Open().List().Count > Images * 95 / 100);
    }

    /// <summary>Pages that contain only rows: type 10 of SQLite's b-tree pages.</summary>
    private static int[] LeafPages =>
        [.. Enumerable.Range(1, Sound.Length / PageSize - 1).Where(page => Sound[page * PageSize] == 10)];

    private static byte[] CreateSound()
    {
        var directory = Directory.CreateTempSubdirectory("imagegc-");
        var path = Path.Combine(directory.FullName, "sound.db");
        using (var store = ImageUseStore.Open(new ImageUseStoreOptions { DatabasePath = path }, new SteppingTime()))
            store.RecordUse(Enumerable.Range(0, Images)
                .Select(i => $"sha256:{Convert.ToHexStringLower(SHA256.HashData(BitConverter.GetBytes(i)))}"));
        var bytes = File.ReadAllBytes(path);
        directory.Delete(recursive: true);
        return bytes;
    }

    private static byte[] Damage(int[] pages, int seed)
    {
        var damaged = (byte[])Sound.Clone();
        var random = new Random(seed);
        foreach (var page in pages)
            random.NextBytes(damaged.AsSpan(page * PageSize, PageSize));
        return damaged;
    }

    /// <summary>Opens a damaged file. It must be refused and unchanged, or kept beside the salvaged one.</summary>
    /// <returns>How many images were salvaged, or null if it was refused.</returns>
    private int? OpenDamaged(string name, byte[] damaged)
    {
        var path = Path.Combine(Directory.CreateDirectory(PathOf($"of-{name}")).FullName, name);
        File.WriteAllBytes(path, damaged);
        try
        {
            int images;
            using (var store = ImageUseStore.Open(new ImageUseStoreOptions { DatabasePath = path }, Time))
            {
                images = store.List().Count;
                Assert.Empty(store.Check().Damage);
            }

            if (Directory.GetFiles(Path.GetDirectoryName(path)!, $"{name}.corrupt-*Z") is [var kept])
                Assert.Equal(damaged, File.ReadAllBytes(kept));
            else
                Assert.True(images == Images
                    || damaged.Length == 0, $"{name}: rows are missing, and no file was kept.");
            return images;
        }
        catch (ImageUseStoreException)
        {
            Assert.Equal(damaged, File.ReadAllBytes(path));
            return null;
        }
    }

    [Fact]
    public void A_new_database_has_our_ID_in_its_file_while_it_is_open()
    {
        Open();

        Assert.True(DatabaseFile.IsOurs(Kill(DatabasePath)));
    }
}
