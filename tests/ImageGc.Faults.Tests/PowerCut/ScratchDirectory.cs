namespace ImageGc.Faults.Tests.PowerCut;

/// <summary>A directory for thousands of disk images, in memory if the system offers that.</summary>
internal sealed class ScratchDirectory : IDisposable
{
    private ScratchDirectory(string path) => Path = path;

    public string Path { get; }

    public static ScratchDirectory New()
    {
        var parent = Directory.Exists("/dev/shm") ? "/dev/shm" : System.IO.Path.GetTempPath();
        var path = System.IO.Path.Combine(parent, $"imagegc-faults-{Guid.NewGuid():n}");
        Directory.CreateDirectory(path);
        return new ScratchDirectory(path);
    }

    public string PathOf(string name) => System.IO.Path.Combine(Path, name);

    public void Fill(DiskImage image)
    {
        foreach (var file in Directory.EnumerateFiles(Path))
            File.Delete(file);
        foreach (var (name, content) in image.Files)
            File.WriteAllBytes(PathOf(name), content);
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
