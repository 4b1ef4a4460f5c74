using ImageGc.Benchmarks.Contenders;
using ImageGc.Sqlite;

namespace ImageGc.Benchmarks;

/// <summary>Databases and flat files with a number of images, made once and copied for each contender.</summary>
internal sealed class Templates(Func<string> newPath)
{
    private readonly Dictionary<long, string> _databases = [];
    private readonly Dictionary<long, string> _flatFiles = [];

    /// <summary>
    /// A migrated database, with rows inserted in the order of age, which is random in the order of IDs.
    /// </summary>
    public string Database(long images)
    {
        if (_databases.TryGetValue(images, out var made))
            return made;

        var path = newPath();
        using (var store = StoreAt.Open(path, Durability.Full, new BenchmarkTime()))
        {
            store.RecordUse("benchmark"); // So that the boot is known.
            store.Forget("benchmark");
        }

        RawSqlite.Fill(path, images);
        Disk.Sync(path);
        return _databases[images] = path;
    }

    public string FlatFile(long images)
    {
        if (_flatFiles.TryGetValue(images, out var made))
            return made;

        var path = newPath();
        using (var file = new StreamWriter(path) { NewLine = "\n" })
        {
            for (var image = 0L; image < images; image++)
                file.WriteLine($"{Images.Id(image)} {Images.LastUsedAt(image, images)}");
        }

        Disk.Sync(path);
        return _flatFiles[images] = path;
    }
}
