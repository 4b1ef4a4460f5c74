using System.Diagnostics;

namespace ImageGc.Sqlite.Tests;

/// <summary>A file system of 1 MB that can be filled up or made read-only.</summary>
internal sealed class SmallDisk : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("imagegc-disk-");

    private SmallDisk()
    {
    }

    /// <summary>Mounts it, or skips the test where this user may not.</summary>
    public static SmallDisk MountOrSkip()
    {
        var disk = new SmallDisk();
        if (!Run("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk._directory.FullName))
        {
            disk._directory.Delete();
            Assert.Skip("Needs the right to mount a tmpfs.");
        }

        return disk;
    }

    public string PathOf(string name) => Path.Combine(_directory.FullName, name);

    public void Remount(string mode) => Assert.True(Run("mount", "-o", $"remount,{mode}", _directory.FullName));

    /// <summary>Fills the disk to the last byte; returns the file to delete.</summary>
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

    public void Dispose()
    {
        Run("umount", "--lazy", _directory.FullName);
        _directory.Delete();
    }

    private static bool Run(string command, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(command, arguments) { RedirectStandardError = true })!;
        process.StandardError.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0;
    }
}
