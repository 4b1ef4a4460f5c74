using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace ImageGc.Sqlite;

/// <summary>Turns an error of SQLite or the operating system into an exception that says what to do.</summary>
internal static class StorageFailure
{
    public static ImageUseStoreException From(
        SqliteException exception, string databasePath, string doing, SqliteConnection? connection = null)
    {
        var (code, extended) = (exception.SqliteErrorCode, exception.SqliteExtendedErrorCode);
        var (reason, advice) = Explain(code, extended);
        var systemError = code switch
        {
            raw.SQLITE_IOERR => SqliteLibrary.SystemErrorOf(connection?.Handle),
            raw.SQLITE_CANTOPEN => DatabaseFile.ErrorOfCreatingBeside(databasePath),
            _ => 0,
        };
        (reason, advice) = Explain(systemError) ?? (reason, advice);
        return new ImageUseStoreException(
            reason,
            databasePath,
            $"Could not {doing} in '{databasePath}': {advice} ({exception.Message.TrimEnd('.')}; extended code "
            + $"{extended})",
            exception);
    }

    /// <param name="exception">What the operating system reported.</param>
    /// <param name="databasePath">The absolute path of the database.</param>
    /// <param name="doing">What failed, as a verb and its object.</param>
    /// <param name="advice">What to do if the system's error does not say that by itself.</param>
    public static ImageUseStoreException From(
        Exception exception, string databasePath, string doing, string advice)
    {
        var known = Explain(exception.HResult); // Is the errno if .NET has no exception type for the error.
        var whatToDo = known?.Advice ?? advice;
        return new ImageUseStoreException(
            known?.Reason ?? StoreErrorReason.Unavailable,
            databasePath,
            $"Could not {doing} '{databasePath}': {exception.Message.TrimEnd('.')}. "
            + $"{char.ToUpperInvariant(whatToDo[0])}{whatToDo[1..]}",
            exception);
    }

    /// <summary>Returns the reason for an error of the operating system, or null if it has none.</summary>
    public static StoreErrorReason? ReasonOf(Exception exception) => Explain(exception.HResult)?.Reason;

    /// <summary>The system's error is more precise than SQLite's codes, each of which has many causes.</summary>
    private static (StoreErrorReason Reason, string Advice)? Explain(int systemError) => systemError switch
    {
        28 or 122 => (StoreErrorReason.Full, // ENOSPC, EDQUOT
            "the file system has no space, no inodes or no quota left. Free some (`df -h`, `df -i`), then try again."),
        30 => (StoreErrorReason.ReadOnly, // EROFS
            "the file system is mounted read-only, which Linux also does after errors. Check the kernel's log "
            + "(`dmesg`), mount it writable, then try again."),
        23 or 24 => (StoreErrorReason.Unavailable, // ENFILE, EMFILE
            "too many files are open. Close some, or raise the limit (`ulimit -n`), then try again."),
        5 => (StoreErrorReason.IoError, // EIO
            "the storage device reported an error. Check the kernel's log (`dmesg`), then try again."),
        _ => null,
    };

    private static (StoreErrorReason Reason, string Advice) Explain(int code, int extended) => (code, extended) switch
    {
        (raw.SQLITE_BUSY or raw.SQLITE_LOCKED or raw.SQLITE_PROTOCOL, _) => (StoreErrorReason.Busy,
            "another process holds its lock. Find it with `fuser` on the file, then try again."),
        (raw.SQLITE_FULL, _) or (_, raw.SQLITE_IOERR_SHMSIZE) => Explain(28)!.Value,
        (_, raw.SQLITE_READONLY_DBMOVED) => (StoreErrorReason.Moved,
            "the file was moved or replaced while it was open. Open it again to use the file that is there now."),
        (raw.SQLITE_READONLY, _) => (StoreErrorReason.ReadOnly,
            "it cannot be written to. Make the file, its directory and the file system writable for this user."),
        (raw.SQLITE_CANTOPEN or raw.SQLITE_PERM, _) => (StoreErrorReason.Unavailable,
            "it cannot be opened. Check that its directory exists and that this user may read and write both."),
        (raw.SQLITE_CORRUPT or raw.SQLITE_NOTADB, _) => (StoreErrorReason.Corrupt,
            "the file is damaged. Restart the program that writes it: that keeps the damaged file and salvages what "
            + "can be read."),
        (raw.SQLITE_IOERR, _) => Explain(5)!.Value,
        _ => (StoreErrorReason.Other, "SQLite reported an error that this library does not know."),
    };
}
