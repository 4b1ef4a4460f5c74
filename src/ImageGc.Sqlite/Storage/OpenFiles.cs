using System.Runtime.InteropServices;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace ImageGc.Sqlite;

/// <summary>The files that a connection has open, to detect that other processes now see other ones.</summary>
/// <remarks>
/// SQLite does not detect this: changes that it writes to a deleted log or a replaced file are lost when the process
/// ends (https://www.sqlite.org/howtocorrupt.html, section 2.4).
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
        else if (_log is not null) // Without a log there is nothing to lose, and others must be able to create one.
            _locked = Lock(connection.Handle!);
    }

    /// <exception cref="ImageUseStoreException">
    /// A file was moved, replaced or deleted; or it changed although it was opened as immutable.
    /// </exception>
    public void RequireInPlace()
    {
        if (_immutable && (Content() != _content || DatabaseFile.LengthOf(_logPath) > 0))
        {
            throw ImageUseStoreException.Moved(_path,
                "another process has changed it since it was opened, and this user cannot write the files that are "
                + "needed to follow the changes. Open it again.");
        }

        if (FileStatus.Of(_path)?.Identity != _file || (!_immutable && FileStatus.Of(_logPath)?.Identity != _log))
        {
            throw ImageUseStoreException.Moved(_path,
                "the file or its log was moved, replaced or deleted while it was open, so changes would be lost. "
                + "Restart the program, or open it again, to use the file that is there now.");
        }
    }

    private (long, DateTime) Content() => (DatabaseFile.LengthOf(_path), File.GetLastWriteTimeUtc(_path));

    /// <summary>Releases the lock, so that the connection can move its log into the file when it closes.</summary>
    public void Release(SqliteConnection connection)
    {
        if (_locked is { } descriptor)
            SetLock(descriptor, Unlock);

        // Otherwise closing would delete the log that now has the name of its own.
        if (FileStatus.Of(_logPath) is { } log && log.Identity != _log)
            KeepLogOnClose(connection, true);
    }

    /// <summary>Whether closing the connection leaves the log as it is.</summary>
    public static void KeepLogOnClose(SqliteConnection connection, bool keep) =>
        raw.sqlite3_db_config(connection.Handle, raw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, keep ? 1 : 0, out _);

    /// <summary>
    /// Takes the lock that every connection holds while it uses the file once more, as an open file description lock
    /// (https://man7.org/linux/man-pages/man2/fcntl.2.html), which a `close` elsewhere in this process does not drop.
    /// SQLite's own lock is dropped if, for example, a host reads the file for a support bundle. The next program that
    /// closes the database would then delete the log of this connection.
    /// </summary>
    /// <remarks>
    /// If the file system has no such locks, <see cref="RequireInPlace"/> still detects that the log is gone.
    /// </remarks>
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
