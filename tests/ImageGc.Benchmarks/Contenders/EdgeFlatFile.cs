using System.Globalization;
using ImageGc.Sqlite;

namespace ImageGc.Benchmarks.Contenders;

/// <summary>
/// A reimplementation of Azure IoT Edge's `image_use`: it reads everything, changes it, writes a temporary file, and
/// renames it over the old one.
/// </summary>
/// <param name="path">The file.</param>
/// <param name="durable">Syncs the file and then its directory; the original does neither.</param>
internal sealed class EdgeFlatFile(string path, bool durable)
{
    private readonly string _temporary = path + ".tmp";

    public void Record(string imageId, long now)
    {
        var images = Read();
        images[imageId] = now;
        Write(images);
    }

    /// <summary>Records the images in use as used now, and forgets those that expired, oldest use first.</summary>
    public List<KeyValuePair<string, long>> Prune(IEnumerable<string> inUse, long now, TimeSpan threshold)
    {
        var images = Read();
        var kept = inUse.ToHashSet();
        foreach (var imageId in kept.Where(images.ContainsKey))
            images[imageId] = now;

        var expiredAt = now - (long)threshold.TotalSeconds;
        var expired = images.Where(image => image.Value <= expiredAt && !kept.Contains(image.Key)).ToList();
        expired.ForEach(image => images.Remove(image.Key));
        Write(images);
        expired.Sort((a, b) => a.Value.CompareTo(b.Value));
        return expired;
    }

    private Dictionary<string, long> Read()
    {
        var images = new Dictionary<string, long>();
        foreach (var line in File.ReadLines(path))
        {
            var space = line.IndexOf(' ', StringComparison.Ordinal);
            images[line[..space]] = long.Parse(line.AsSpan(space + 1), NumberStyles.None, CultureInfo.InvariantCulture);
        }

        return images;
    }

    private void Write(Dictionary<string, long> images)
    {
        using (var file = new FileStream(_temporary, FileMode.Create))
        {
            using (var writer = new StreamWriter(file, leaveOpen: true) { NewLine = "\n" })
            {
                foreach (var (imageId, lastUsedAt) in images)
                    writer.WriteLine($"{imageId} {lastUsedAt}");
            }

            if (durable)
                file.Flush(flushToDisk: true);
        }

        File.Move(_temporary, path, overwrite: true);
        if (durable)
            DatabaseFile.SyncDirectoryOf(path);
    }
}
