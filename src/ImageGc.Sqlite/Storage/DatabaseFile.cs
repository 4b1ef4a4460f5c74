using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace ImageGc.Sqlite;

/// <summary>
/// File operations that neither SQLite nor .NET offers: create a database file durably, recognize it, lock others out.
/// </summary>
/// <remarks>
/// Never open an existing database through <see cref="File"/> while SQLite has it open in this process: closing that
/// handle drops SQLite's POSIX locks (https://www.sqlite.org/howtocorrupt.html, section 2.2).
/// </remarks>
internal static partial class DatabaseFile
{
    /// <summary>Creates an empty file that only its owner can read, unless the file exists.</summary>
    /// <remarks>
    /// A file that root creates belongs to the owner of its directory, as SQLite does it with the log. Otherwise a
    /// daemon that runs as that user could not use the file. The descriptor is that of the file just created, because
    /// the owner of the directory could replace its name. Without the capability, as in a container, root keeps it.
    /// </remarks>
    public static void CreateIfMissing(string path)
    {
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;

        try
        {
            using var created = new FileStream(path, options);
            if (Environment.IsPrivilegedProcess
                && FileStatus.Of(Path.GetDirectoryName(FullPathOf(path))!) is { } directory)
                _ = ChangeOwner((int)created.SafeFileHandle.DangerousGetHandle(), directory.User, directory.Group);
        }
        catch (IOException) when (Path.Exists(path))
        {
            // The file existed before, or another process was faster.
        }
    }

    /// <summary>
    /// Writes a new file that only its owner can read: under a temporary name, until it is synced to disk.
    /// </summary>
    /// <param name="path">The new file.</param>
    /// <param name="write">Fills the empty file at the path that it is given, and closes it.</param>
    /// <exception cref="IOException">
    /// The file could not be written, or exists already. Nothing is left behind.
    /// </exception>
    public static void WriteNew(string path, Action<string> write)
    {
        var unfinished = $"{path}.{Path.GetRandomFileName()}";
        CreateIfMissing(unfinished);
        try
        {
            write(unfinished);
            using (var file = new FileStream(unfinished, FileMode.Open, FileAccess.ReadWrite))
                file.Flush(flushToDisk: true);
            File.Move(unfinished, path, overwrite: false);
        }
        catch
        {
            File.Delete(unfinished);
            throw;
        }
    }

    /// <summary>Tries to create a file beside the database, and returns the system's error, or 0.</summary>
    /// <remarks>
    /// SQLite does not report why it could not create a log: it then tries to open the log read-only, and reports that
    /// this failed (unixOpen in its os_unix.c).
    /// </remarks>
    public static int ErrorOfCreatingBeside(string path)
    {
        var trial = $"{path}.{Path.GetRandomFileName()}";
        try
        {
            CreateIfMissing(trial);
            File.Delete(trial);
            return 0;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return exception.HResult;
        }
    }

    /// <summary>Returns whether the file exists.</summary>
    /// <exception cref="IOException">The path is that of a directory.</exception>
    /// <exception cref="UnauthorizedAccessException">
    /// This user may not search its directory. <see cref="File.Exists"/> would return false.
    /// </exception>
    public static bool IsThere(string path)
    {
        try
        {
            return !File.GetAttributes(path).HasFlag(FileAttributes.Directory)
                ? true
                : throw new IOException($"'{path}' is a directory.");
        }
        catch (Exception missing) when (missing is FileNotFoundException or DirectoryNotFoundException)
        {
            return false;
        }
    }

    /// <summary>Returns the size of a file, or 0 if it does not exist, without opening it.</summary>
    public static long LengthOf(string path) => new FileInfo(path) is { Exists: true } file ? file.Length : 0;

    /// <summary>Returns the absolute path.</summary>
    /// <exception cref="ImageUseStoreException">
    /// The path is relative, and the current directory was deleted.
    /// </exception>
    public static string FullPathOf(string path)
    {
        try
        {
            return Path.GetFullPath(path);
        }
        catch (FileNotFoundException exception)
        {
            throw ImageUseStoreException.Unavailable(path,
                "the current directory of this program was deleted. Give an absolute path.", exception);
        }
    }

    /// <summary>Resolves the symbolic links in a path, also if the file does not exist yet.</summary>
    /// <remarks>.NET resolves only a link at the end of a path, not one among its directories.</remarks>
    public static string RealPathOf(string path) =>
        OperatingSystem.IsWindows() ? path
        : RealPath(path, 0)
            ?? (RealPath(Path.GetDirectoryName(path) ?? "/", 0) is { } directory
                ? Path.Join(directory, Path.GetFileName(path))
                : path);

    /// <summary>
    /// Makes the directory entry of <paramref name="path"/> survive power loss, which an fsync of the file does not
    /// (https://man7.org/linux/man-pages/man2/fsync.2.html).
    /// </summary>
    /// <exception cref="IOException">The directory could not be synced.</exception>
    public static void SyncDirectoryOf(string path)
    {
        if (OperatingSystem.IsWindows())
            return;

        var directory = Path.GetDirectoryName(path)!;
        var descriptor = OpenDirectory(directory);
        try
        {
            // EINVAL: the file system does not support the fsync of a directory.
            if (Fsync(descriptor) != 0 && Marshal.GetLastPInvokeError() != InvalidArgument)
                throw LastError($"Could not sync the directory '{directory}'");
        }
        finally
        {
            _ = Close(descriptor);
        }
    }

    /// <summary>Returns whether a damaged file has our application ID.</summary>
    public static bool IsOurs(string path)
    {
        const int applicationIdAt = 68; // https://www.sqlite.org/fileformat2.html#the_database_header
        using var file = OpenClosed(path, FileAccess.Read);
        Span<byte> start = stackalloc byte[applicationIdAt + 4];
        return file.ReadAtLeast(start, start.Length, throwOnEndOfStream: false) == start.Length
            && BinaryPrimitives.ReadInt32BigEndian(start[applicationIdAt..]) == Migrations.ApplicationId;
    }

    /// <summary>Returns whether a file contains only zeros, which power loss can leave of a new file.</summary>
    public static bool IsBlank(string path)
    {
        using var file = OpenClosed(path, FileAccess.Read);
        var start = new byte[1 << 20];
        var length = file.ReadAtLeast(start, start.Length, throwOnEndOfStream: false);
        return length == file.Length && !start.AsSpan(0, length).ContainsAnyExcept((byte)0);
    }

    /// <summary>Opens a database file of which this process has no connection.</summary>
    public static FileStream OpenClosed(string path, FileAccess access) =>
        new(path, FileMode.Open, access, FileShare.ReadWrite | FileShare.Delete);

    /// <summary>Waits until no other process has the database open, and throws if that takes too long.</summary>
    public static void RequireNoOtherProcess(string path, TimeSpan timeout, ImageUseStoreException damage)
    {
        const long locks = 0x40000000; // https://www.sqlite.org/src/file/src/os.h: PENDING_BYTE and the 511 after it.
        using var file = OpenClosed(path, FileAccess.ReadWrite);

        // .NET cannot lock a part of a file on macOS.
        for (var waited = TimeSpan.Zero; !OperatingSystem.IsMacOS(); waited += Retry)
        {
            try
            {
                file.Lock(locks, 512);
                return;
            }
            catch (IOException) when (waited < timeout)
            {
                Thread.Sleep(Retry);
            }
            catch (IOException)
            {
                throw new ImageUseStoreException(StoreErrorReason.Corrupt, path,
                    $"{damage.Message} Another process has it open. Stop that process, then open it again.", damage);
            }
        }
    }

    /// <summary>Locks the directory of a file, so that one process at a time replaces files in it.</summary>
    /// <exception cref="IOException">
    /// The directory cannot be locked, or another process has it locked for longer than the timeout.
    /// </exception>
    public static IDisposable? LockDirectoryOf(string path, TimeSpan timeout)
    {
        if (OperatingSystem.IsWindows())
            return null;

        var descriptor = OpenDirectory(Path.GetDirectoryName(path)!);
        for (var waited = TimeSpan.Zero; Flock(descriptor, LockExclusive | LockNonBlocking) != 0; waited += Retry)
        {
            if (waited >= timeout)
            {
                var failure = LastError($"Could not lock the directory of '{path}'");
                _ = Close(descriptor);
                throw failure;
            }

            Thread.Sleep(Retry);
        }

        return new Lock(descriptor);
    }

    private sealed class Lock(int descriptor) : IDisposable
    {
        public void Dispose() => _ = Close(descriptor);
    }

    private static readonly TimeSpan Retry = TimeSpan.FromMilliseconds(20);

    private static int OpenDirectory(string directory)
    {
        // A child process that the host starts meanwhile must not inherit the descriptor, and with it the lock.
        var descriptor = Open(directory, OpenReadOnly | (OperatingSystem.IsMacOS() ? 0x1000000 : 0x80000)); // O_CLOEXEC
        return descriptor >= 0 ? descriptor : throw LastError($"Could not open the directory '{directory}'");
    }

    private const int OpenReadOnly = 0;
    private const int LockExclusive = 2;
    private const int LockNonBlocking = 4;
    private const int InvalidArgument = 22;

    private static IOException LastError(string message) =>
        new($"{message}: {Marshal.GetLastPInvokeErrorMessage()}", Marshal.GetLastPInvokeError());

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "realpath", StringMarshalling = StringMarshalling.Utf8)]
    private static partial string? RealPath(string path, nint allocate);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Fsync(int descriptor);

    [LibraryImport("libc", EntryPoint = "fchown")]
    private static partial int ChangeOwner(int descriptor, uint user, uint group);

    [LibraryImport("libc", EntryPoint = "flock", SetLastError = true)]
    private static partial int Flock(int descriptor, int operation);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int descriptor);
}
