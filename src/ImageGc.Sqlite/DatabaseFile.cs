using System.Runtime.InteropServices;

namespace ImageGc.Sqlite;

/// <summary>The parts of creating a file durably that neither SQLite nor .NET does.</summary>
/// <remarks>
/// Never open an existing database through <see cref="File"/> while SQLite has it open in this process: closing that
/// handle drops SQLite's POSIX locks (https://www.sqlite.org/howtocorrupt.html, 2.2).
/// </remarks>
internal static partial class DatabaseFile
{
    /// <summary>Creates an empty file that only its owner can read, unless there is one.</summary>
    public static void CreateIfMissing(string path)
    {
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;

        try
        {
            using var created = new FileStream(path, options);
        }
        catch (IOException) when (Path.Exists(path))
        {
            // It was there before, or another process was faster.
        }
    }

    /// <summary>The size of a file, 0 if there is none; it is not opened.</summary>
    public static long LengthOf(string path) => new FileInfo(path) is { Exists: true } file ? file.Length : 0;

    /// <summary>Makes the directory entry of <paramref name="path"/> survive power loss.</summary>
    /// <exception cref="IOException">The directory could not be synced.</exception>
    public static void SyncDirectoryOf(string path)
    {
        if (OperatingSystem.IsWindows())
            return;

        var directory = Path.GetDirectoryName(path)!;
        var descriptor = Open(directory, OpenReadOnly);
        if (descriptor < 0)
            throw LastError($"Could not open the directory '{directory}'");

        try
        {
            // EINVAL: a file system that has no way to sync a directory, and needs none.
            if (Fsync(descriptor) != 0 && Marshal.GetLastPInvokeError() != InvalidArgument)
                throw LastError($"Could not sync the directory '{directory}'");
        }
        finally
        {
            _ = Close(descriptor);
        }
    }

    private const int OpenReadOnly = 0;
    private const int InvalidArgument = 22;

    private static IOException LastError(string message) => new($"{message}: {Marshal.GetLastPInvokeErrorMessage()}");

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Fsync(int descriptor);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int descriptor);
}
