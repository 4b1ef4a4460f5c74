using System.Runtime.InteropServices;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace ImageGc.Sqlite;

/// <summary>The files that a connection has open, to notice when they are no longer the ones that others see.</summary>
/// <remarks>
/// SQLite notices nothing: what it writes to a log that was deleted, or to a file that was replaced, is lost with the
/// process (https://www.sqlite.org/howtocorrupt.html, 2.4).
/// </remarks>
internal sealed partial class OpenFiles
{
    private readonly string _path;
    private readonly string _logPath;
    private readonly bool _immutable;
    private readonly (ulong, ulong)? _file;
    private readonly (ulong, ulong)? _log;
    private readonly (long Length, DateTime ModifiedAt) _content;
    private readonly int? _locked;

    public OpenFiles(SqliteConnection connection, string path)
    {
        _path = path;
        _logPath = $"{path}-wal";
        _immutable = connection.ConnectionString.Contains("immutable=1", StringComparison.Ordinal);
        _file = FileStatus.Of(path)?.Identity;
        _log = FileStatus.Of(_logPath)?.Identity;
        if (_immutable)
            _content = Content();
        else if (_log is not null) // Else it has no log to lose, and another process may want to begin one.
            _locked = Lock(connection.Handle!);
    }

    /// <exception cref="ImageUseStoreException">They were replaced or deleted, or must not change and did.</exception>
    public void RequireInPlace()
    {
        if (_immutable && (Content() != _content || DatabaseFile.LengthOf(_logPath) > 0))
        {
            throw ImageUseStoreException.Moved(_path,
                "another process has changed it since it was opened, and this user may not write what is needed to "
                + "follow that. Open it anew.");
        }

        if (FileStatus.Of(_path)?.Identity != _file || (!_immutable && FileStatus.Of(_logPath)?.Identity != _log))
        {
            throw ImageUseStoreException.Moved(_path,
                "the file or its log was moved, replaced or deleted while it was open, so changes would be lost. "
                + "Restart the program, or open it anew, to use the file that is there now.");
        }
    }

    private (long, DateTime) Content() => (DatabaseFile.LengthOf(_path), File.GetLastWriteTimeUtc(_path));

    /// <summary>Gives up the lock, so that the connection can move its log into the file while it closes.</summary>
    public void Release(SqliteConnection connection)
    {
        if (_locked is { } descriptor)
            SetLock(descriptor, Unlock);
        // Else it would delete the log that has the name of its own now.
        if (FileStatus.Of(_logPath) is { } log && log.Identity != _log)
            KeepLogOnClose(connection, true);
    }

    /// <summary>Whether closing the connection leaves the log as it is.</summary>
    public static void KeepLogOnClose(SqliteConnection connection, bool keep) =>
        raw.sqlite3_db_config(connection.Handle, raw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, keep ? 1 : 0, out _);

    /// <summary>
    /// Holds the lock by which every connection says that it uses the file in a way that a `close` elsewhere in this
    /// process does not undo: a host that reads the file for a support bundle would drop SQLite's own, and the next
    /// program that closes the database would delete the log under this one
    /// (https://www.sqlite.org/howtocorrupt.html, 2.2).
    /// </summary>
    /// <remarks>Where the file system has no such locks, the log that is gone is noticed all the same.</remarks>
    private int? Lock(sqlite3 database) =>
        Environment.Is64BitProcess
            && SqliteLibrary.DescriptorOf(database) is { } descriptor
            && FileStatus.Of(descriptor) is { } opened
            && opened.Identity == _file
            && SetLock(descriptor, LockToRead)
                ? descriptor
                : null;

    private static bool SetLock(int descriptor, short kind)
    {
        const int setLockOfDescriptor = 37; // F_OFD_SETLK
        var range = new Range { Kind = kind, Start = 0x40000002, Length = 510 }; // SHARED_FIRST, SHARED_SIZE of SQLite
        return Control(descriptor, setLockOfDescriptor, ref range) == 0;
    }

    private const short LockToRead = 0;
    private const short Unlock = 2;

    /// <summary>`struct flock` of 64-bit systems.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Range
    {
        public short Kind;
        public short Whence;
        public long Start;
        public long Length;
        public int Process;
    }

    [LibraryImport("libc", EntryPoint = "fcntl")]
    private static partial int Control(int descriptor, int command, ref Range range);
}
