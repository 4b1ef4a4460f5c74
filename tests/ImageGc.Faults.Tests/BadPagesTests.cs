using System.Security.Cryptography;
using ImageGc.Faults.Tests.PowerCut;
using ImageGc.Faults.Tests.Vfs;
using ImageGc.Sqlite;

namespace ImageGc.Faults.Tests;

/// <summary>How many images a salvage recovers from a damaged file.</summary>
public sealed class BadPagesTests : IDisposable
{
    private const int PageSize = 4096;
    private const int OneIn = 100;

    private static readonly bool EveryPosition = Environment.GetEnvironmentVariable("IMAGEGC_EVERY_PAGE") is not null;

    private readonly ScratchDirectory _directory = ScratchDirectory.New();

    [Theory]
    [InlineData(2_000)]
    [InlineData(20_000)]
    public void One_bad_page_in_a_hundred_costs_less_than_one_image_in_twenty(int rows)
    {
        var sound = FileWith(rows);
        var pages = sound.Length / PageSize;
        var root = RootOfImageUse();
        var salvaged = new Dictionary<string, List<int>>();
        for (var first = 1; first < Math.Min(OneIn, pages); first++)
        {
            if (rows > 2_000 && first % 5 != 0 && first != root % OneIn && !EveryPosition)
                continue;
            var bad = Enumerable.Range(0, pages).Where(page => page % OneIn == first).ToList();
            var damaged = Damage(sound, bad, first);
            var kind = bad.Contains(root) ? "the root among them"
                : bad.Exists(page => sound[page * PageSize] == 2) ? "interior pages among them"
                : bad.Exists(page => sound[page * PageSize] == 10) ? "leaves"
                : "other pages";
            salvaged.TryAdd(kind, []);
            salvaged[kind].Add(Salvage(damaged));
        }

        Figures.Add($"one bad page in {OneIn} of {pages}, {rows} rows", string.Join("; ", salvaged.Select(kind =>
            $"{kind.Key}: {kind.Value.Count} files, {100.0 * kind.Value.Min() / rows:0.0} to "
            + $"{100.0 * kind.Value.Max() / rows:0.0}% of the rows")));
        Assert.All(salvaged.Values.SelectMany(files => files), images => Assert.InRange(images, rows * 95 / 100, rows));
        Assert.Contains("leaves", salvaged.Keys);
        Assert.Contains("the root among them", salvaged.Keys);
    }

    [Fact]
    public void A_salvage_of_a_cut_off_file_keeps_nine_tenths_of_the_images_that_are_left()
    {
        const int rows = 2_000;
        var sound = FileWith(rows);
        var figures = new List<string>();
        foreach (var cut in (int[])[1, PageSize / 2, PageSize, 4 * PageSize, sound.Length / 4, sound.Length / 2])
        {
            var images = Salvage(sound[..^cut]);
            figures.Add($"{cut} bytes: {100.0 * images / rows:0.0}%");
            Assert.InRange(images, rows * (Leaves(sound[..^cut]) - 1) / Leaves(sound) * 90 / 100, rows);
            if (cut <= PageSize)
                Assert.InRange(images, rows * 95 / 100, rows);
        }

        Figures.Add($"end cut off, {rows} rows", string.Join(", ", figures));
    }

    /// <summary>Otherwise a file with fewer images would replace the sound one, on a failing medium.</summary>
    [Fact]
    public void An_IO_error_while_a_sound_database_is_opened_is_never_taken_for_damage()
    {
        var sound = FileWith(500);
        var failures = 0;
        for (var call = 1; ; call++)
        {
            var path = _directory.PathOf($"{call}.db");
            File.WriteAllBytes(path, sound);
            using var vfs = new FaultVfs { Faults = new FaultPlan(FaultKind.IoError, call, persistent: false) };
            try
            {
                using var store = ImageUseStore.Open(
                    new ImageUseStoreOptions { DatabasePath = path, Vfs = vfs.Name }, new SteppingTime());
                Assert.Equal(500, store.List().Count);
            }
            catch (ImageUseStoreException exception)
            {
                Assert.NotEqual(StoreErrorReason.Corrupt, exception.Reason);
                failures++;
            }

            Assert.Empty(Directory.GetFiles(_directory.Path, "*.corrupt-*"));
            if (vfs.Faults.Hit is null)
                break;
        }

        Figures.Add("I/O errors while a sound file is opened", $"{failures} reported, none taken for damage");
        Assert.InRange(failures, 20, int.MaxValue);
    }

    [Fact]
    public void A_page_that_can_never_be_read_is_an_IO_error_and_is_not_salvaged()
    {
        var sound = FileWith(500);
        var path = _directory.PathOf("unreadable.db");
        File.WriteAllBytes(path, sound);
        for (var page = 0; page < sound.Length / PageSize; page++)
        {
            using var vfs = new FaultVfs { UnreadableAt = (page * PageSize) + 100 };

            var exception = Assert.Throws<ImageUseStoreException>(() => ImageUseStore.Open(
                new ImageUseStoreOptions { DatabasePath = path, Vfs = vfs.Name }, new SteppingTime()));

            Assert.Equal(StoreErrorReason.IoError, exception.Reason);
        }

        Assert.Empty(Directory.GetFiles(_directory.Path, "*.corrupt-*"));
        Assert.Equal(sound, File.ReadAllBytes(path));
    }

    public void Dispose() => _directory.Dispose();

    /// <summary>How many leaves contain rows. An empty table has one leaf without any.</summary>
    private static int Leaves(byte[] file) => Enumerable.Range(0, file.Length / PageSize)
        .Select(number => number * PageSize)
        .Count(page => file[page] == 10 && (file[page + 3] != 0 || file[page + 4] != 0));

    private byte[] FileWith(int rows)
    {
        var path = _directory.PathOf("sound.db");
        using (var store = ImageUseStore.Open(new ImageUseStoreOptions { DatabasePath = path }, new SteppingTime()))
        {
            foreach (var batch in Enumerable.Range(0, rows).Chunk(500))
                store.RecordUse(batch.Select(Id));
        }

        return File.ReadAllBytes(path);
    }

    private static string Id(int number) =>
        $"sha256:{Convert.ToHexStringLower(SHA256.HashData(BitConverter.GetBytes(number)))}";

    private int RootOfImageUse()
    {
        using var connection = new Microsoft.Data.Sqlite.SqliteConnection(
            $"Data Source={_directory.PathOf("sound.db")};Pooling=False");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = "SELECT rootpage FROM sqlite_schema WHERE name = 'image_use'";
        return Convert.ToInt32(command.ExecuteScalar(), System.Globalization.CultureInfo.InvariantCulture) - 1;
    }

    /// <summary>Overwrites pages with zeros if the seed is even, and with noise otherwise.</summary>
    private static byte[] Damage(byte[] sound, List<int> pages, int seed)
    {
        var damaged = (byte[])sound.Clone();
        var random = new Random(seed);
        foreach (var page in pages)
        {
            var bytes = damaged.AsSpan(page * PageSize, PageSize);
            if (seed % 2 == 0)
                bytes.Clear();
            else
                random.NextBytes(bytes);
        }

        return damaged;
    }

    private int Salvage(byte[] damaged)
    {
        var directory = Directory.CreateDirectory(_directory.PathOf(Path.GetRandomFileName()));
        var path = Path.Combine(directory.FullName, "x.db");
        File.WriteAllBytes(path, damaged);
        using var store = ImageUseStore.Open(new ImageUseStoreOptions { DatabasePath = path }, new SteppingTime());
        Assert.Empty(store.Check().Damage);
        return store.List().Count;
    }
}
