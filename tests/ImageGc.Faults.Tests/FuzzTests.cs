using System.Text;
using ImageGc.Faults.Tests.PowerCut;
using ImageGc.Faults.Tests.Workload;
using ImageGc.Sqlite;

namespace ImageGc.Faults.Tests;

/// <summary>
/// With any input the store works or throws its own exception. The number of the iteration is the seed.
/// </summary>
public sealed class FuzzTests : IDisposable
{
    private const string Sound = "sound";

    private readonly ScratchDirectory _directory = ScratchDirectory.New();

    private string DatabasePath => _directory.PathOf(Scene.DatabaseName);

    [Fact]
    public void Importing_a_random_flat_file_skips_what_it_cannot_read()
    {
        using var store = Open();
        var path = _directory.PathOf("image_use");
        var iterations = Effort.Times(1_500);
        var (images, skipped) = (0L, 0L);
        for (var i = 0; i < iterations; i++)
        {
            File.WriteAllBytes(path, FlatFileBytes(new Random(i)));
            var import = store.ImportFlatFile(path);
            (images, skipped) = (images + import.Images, skipped + import.Skipped);

            Assert.Equal(0, store.ImportFlatFile(path).Changed);
        }

        var tracked = store.List();
        Assert.All((long[])[images, skipped, tracked.Count], count => Assert.NotEqual(0, count));
        Assert.All(tracked, image => Assert.True(ImageId.IsValid(image.ImageId)));
        Figures.Add("fuzzed flat files",
            $"{iterations} files, {images} images, {skipped} lines skipped, {tracked.Count} tracked");
    }

    [Fact]
    public void Pruning_with_a_random_list_removes_exactly_the_images_that_are_not_in_use()
    {
        using var store = Open();
        var iterations = Effort.Times(1_500);
        var ignored = 0;
        for (var i = 0; i < iterations; i++)
        {
            var random = new Random(i);
            var recorded = Enumerable.Range(0, random.Next(20)).Select(_ => Workloads.Id(random.Next(50))).ToHashSet();
            store.RecordUse(recorded);
            var inUse = Enumerable.Range(0, random.Next(30)).Select(_ => AnyId(random)).ToList();
            ignored += inUse.Count(imageId => !ImageId.IsValid(imageId));

            var options = new PruneOptions { Threshold = TimeSpan.Zero, AllowOtherIdForms = true };
            var pruned = store.Prune(inUse!, options).Select(image => image.ImageId);

            Assert.Equal(recorded.Except(inUse!).Order(StringComparer.Ordinal), pruned.Order(StringComparer.Ordinal));
            store.Prune([], TimeSpan.Zero);
        }

        Figures.Add("fuzzed in-use lists", $"{iterations} lists with {ignored} strings that are no image IDs");
    }

    [Fact]
    public void A_damaged_database_can_be_used_or_throws_a_store_exception()
    {
        var good = GoodDatabase();
        var iterations = Effort.Times(1_500);
        var outcomes = new SortedDictionary<string, int>(StringComparer.Ordinal);
        for (var i = 0; i < iterations; i++)
        {
            File.WriteAllBytes(DatabasePath, Damage(good, new Random(i)));
            var outcome = UseAll();
            outcomes[outcome] = outcomes.GetValueOrDefault(outcome) + 1;
            foreach (var file in Directory.EnumerateFiles(_directory.Path))
                File.Delete(file);
        }

        Figures.Add("damaged databases",
            $"{iterations} files: {string.Join(", ", outcomes.Select(o => $"{o.Key} {o.Value}"))}");
        Assert.DoesNotContain(outcomes.Keys, outcome => outcome.StartsWith('!'));
        Assert.Contains(Sound, outcomes.Keys);
        Assert.Contains(nameof(StoreErrorReason.NotOurs), outcomes.Keys);
    }

    public void Dispose() => _directory.Dispose();

    private ImageUseStore Open() =>
        ImageUseStore.Open(new ImageUseStoreOptions { DatabasePath = DatabasePath }, new SteppingTime());

    private byte[] GoodDatabase()
    {
        using (var store = Open())
            store.RecordUse(Enumerable.Range(0, 200).Select(Workloads.Id));
        return File.ReadAllBytes(DatabasePath);
    }

    /// <summary>
    /// The reason of the first call that fails, or <see cref="Sound"/>. An exception of another type begins with '!'.
    /// </summary>
    private string UseAll()
    {
        try
        {
            using var store = Open();
            store.List();
            store.Find(Workloads.Id(100));
            store.RecordUse(Workloads.Id(100));
            store.Forget(Workloads.Id(101));
            // After the damage, no tracked ID may have this form.
            store.Prune(
                [Workloads.Id(1)], new PruneOptions { Threshold = TimeSpan.Zero, AllowOtherIdForms = true });
            return store.Check().Damage.Count == 0 ? Sound : "damage found by Check";
        }
        catch (ImageUseStoreException exception)
        {
            return exception.Reason.ToString();
        }
        catch (Exception exception)
        {
            return $"!{exception}";
        }
    }

    private static byte[] Damage(byte[] good, Random random)
    {
        var bytes = good.ToArray();
        for (var flips = random.Next(1, 20); flips > 0; flips--)
            bytes[random.Next(random.Next(3) == 0 ? 100 : bytes.Length)] = (byte)random.Next(256);
        return random.Next(10) switch
        {
            0 => bytes[..random.Next(bytes.Length)],
            1 => Zeroed(bytes, 512 * random.Next(bytes.Length / 512), 512),
            _ => bytes,
        };
    }

    private static byte[] Zeroed(byte[] bytes, int start, int count)
    {
        bytes.AsSpan(start, count).Clear();
        return bytes;
    }

    private static byte[] FlatFileBytes(Random random)
    {
        var lines = Enumerable.Range(0, random.Next(12)).Select(_ =>
            (AnyId(random) ?? "null") + Pick(random, " ", " ", " ", " ", " ", " ", "", "\t", "  ") + AnyStamp(random)
            + Pick(random, "\n", "\n", "\n", "\n", "\n", "\n", "\r\n", ""));
        var bytes = Encoding.UTF8.GetBytes(string.Concat(lines));
        if (random.Next(4) == 0)
            bytes = [.. bytes, .. new byte[random.Next(64)]];
        for (var flips = random.Next(2) * random.Next(6); flips > 0 && bytes.Length > 0; flips--)
            bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
        return bytes;
    }

    private static string? AnyId(Random random) => random.Next(16) switch
    {
        0 => null,
        1 => "",
        2 => " ",
        3 => new string('x', random.Next(500, 530)),
        4 => "\0" + Workloads.Id(random.Next(50)),
        5 => "'; DROP TABLE image_use; --",
        6 => "\ud800" + random.Next(10),
        7 => "bild-\ud83d\udcbf" + random.Next(10),
        _ => Workloads.Id(random.Next(50)),
    };

    private static string AnyStamp(Random random) => Pick(
        random, "1770000000", "1771234567", "1772000000", "1700000000", "1650000000", "1900000000", "0", "-1",
            "9223372036854775808", "253402300800", "99999999999", "1e9", "", "٣", "1 2");

    private static string Pick(Random random, params ReadOnlySpan<string> choices) =>
        choices[random.Next(choices.Length)];
}
