namespace ImageGc.Sqlite.Tests;

/// <summary>A file system of 1 MB that can be filled up or made read-only.</summary>
internal sealed class SmallDisk : IDisposable
{
    private const int Inodes = 20;

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("imagegc-disk-");

    private SmallDisk()
    {
    }

    /// <summary>Mounts a tmpfs, or skips the test if this user may not mount.</summary>
    public static SmallDisk MountOrSkip(string options = "size=1m") =>
        new SmallDisk().MountOrSkip("-t", "tmpfs", "-o", options, "tmpfs");

    /// <summary>Mounts an ext4 file system from a file, which can be made to fail; or skips the test.</summary>
    public static SmallDisk MountExt4OrSkip(string file)
    {
        using (var image = File.Create(file))
            image.SetLength(8 << 20);
        Shell.Run("mkfs.ext4", "-q", file);
        return new SmallDisk().MountOrSkip("-o", "loop", file);
    }

    private SmallDisk MountOrSkip(params string[] arguments)
    {
        if (!Shell.TryRun("mount", [.. arguments, _directory.FullName]))
        {
            _directory.Delete();
            Assert.Skip("Needs the right to mount a file system.");
        }

        return this;
    }

    public string PathOf(string name) => Path.Combine(_directory.FullName, name);

    public void Remount(string mode) => Shell.Run("mount", "-o", $"remount,{mode}", _directory.FullName);

    /// <summary>Fills the disk to the last byte, and returns the path of the file that fills it.</summary>
    public string FillUp()
    {
        var path = PathOf("filling");
        using var filling = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 0);
        try
        {
            while (true)
                filling.Write(new byte[1024]);
        }
        catch (IOException)
        {
            return path;
        }
    }

    /// <summary>A file system of 20 inodes, one of which the root directory takes.</summary>
    public static SmallDisk MountWithFewInodesOrSkip() => MountOrSkip($"size=1m,nr_inodes={Inodes}");

    /// <summary>Creates empty files until no inode is left, and returns their paths.</summary>
    /// <remarks>
    /// An inode of a deleted file is free only once no process has the file open. A process that another test
    /// starts inherits every open file for a moment.
    /// </remarks>
    public List<string> UseUpInodes()
    {
        List<string> files = [];
        Wait.Until(
            () =>
            {
                try
                {
                    File.Create(PathOf($"{files.Count}")).Dispose();
                    files.Add(PathOf($"{files.Count}"));
                }
                catch (IOException)
                {
                    // There is none left at the moment.
                }

                return _directory.GetFiles().Length == Inodes - 1;
            },
            "all inodes belong to a file in the directory");
        return files;
    }

    public void Dispose()
    {
        Shell.TryRun("umount", "--lazy", _directory.FullName);
        _directory.Delete();
    }
}
