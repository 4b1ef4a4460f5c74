using ImageGc.Sqlite.Tests;

namespace ImageGc.Docker.Tests;

/// <summary>An engine whose images are on a file system of 96 MB.</summary>
public sealed class SmallDiskEngine : IAsyncLifetime
{
    private readonly DirectoryInfo _disk = Directory.CreateTempSubdirectory("igc-disk-");

    public SmallDiskEngine() => Engine = new PrivateEngine { DataRoot = _disk.FullName };

    public PrivateEngine Engine { get; }

    public double UsedPercent
    {
        get
        {
            var disk = new DriveInfo(_disk.FullName);
            return 100.0 * (disk.TotalSize - disk.TotalFreeSpace) / disk.TotalSize;
        }
    }

    public async ValueTask InitializeAsync()
    {
        if (Engine.Missing is not null)
            return;
        Shell.Run("mount", "-t", "tmpfs", "-o", "size=96m", "tmpfs", _disk.FullName);
        await Engine.InitializeAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await Engine.DisposeAsync();
        if (Engine.Missing is null)
            Shell.Run("umount", "--lazy", _disk.FullName);
        _disk.Delete(recursive: true);
    }
}
