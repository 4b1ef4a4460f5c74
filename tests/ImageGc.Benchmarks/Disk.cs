using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace ImageGc.Benchmarks;

/// <summary>Finishes the writes of one contender before the next one is measured.</summary>
internal static partial class Disk
{
    private const string Written = "write_bytes: ";

    /// <summary>
    /// Waits until a file is on the disk. Not for a database that is open: it would drop SQLite's locks.
    /// </summary>
    public static void Sync(string path)
    {
        using var file = File.OpenHandle(path, access: FileAccess.ReadWrite);
        RandomAccess.FlushToDisk(file);
    }

    /// <summary>Waits until everything written to the file system of a file is on the disk.</summary>
    public static void Settle(string path)
    {
        if (!OperatingSystem.IsLinux())
            return;

        using var file = File.OpenHandle(path);
        _ = SyncFileSystem(file);
    }

    /// <summary>
    /// What this process has written so far, in whole pages, as the kernel counts it (write_bytes in proc(5)).
    /// </summary>
    public static long WrittenBytes() => !OperatingSystem.IsLinux() ? 0 : long.Parse(
        File.ReadLines("/proc/self/io").Single(line => line.StartsWith(Written, StringComparison.Ordinal))
            .AsSpan(Written.Length),
        CultureInfo.InvariantCulture);

    public static void Delete(string database)
    {
        foreach (var path in (string[])[database, database + "-wal", database + "-shm"])
            File.Delete(path);
    }

    [LibraryImport("libc", EntryPoint = "syncfs")]
    private static partial int SyncFileSystem(SafeFileHandle file);
}
