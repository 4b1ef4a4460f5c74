using Microsoft.Data.Sqlite;

namespace ImageGc.Sqlite;

/// <summary>Why a call to an <see cref="ImageUseStore"/> failed.</summary>
public enum StoreErrorReason
{
    /// <summary>SQLite reported an error that has no reason of its own here; see the inner exception.</summary>
    Other,

    /// <summary>
    /// Other processes held the database's lock for longer than <see cref="ImageUseStoreOptions.BusyTimeout"/>: repeat
    /// the call. Or another store has the lock of <see cref="ImageUseStore.LockPrunes"/>: stop its process first.
    /// </summary>
    Busy,

    /// <summary>The file system has no space, inodes or quota left.</summary>
    Full,

    /// <summary>The file or its file system cannot be written to, or it was opened read-only.</summary>
    ReadOnly,

    /// <summary>
    /// The file cannot be used: its directory does not exist, this user has no permission, it is a directory or a mount
    /// point, or too many files are open.
    /// </summary>
    Unavailable,

    /// <summary>The storage device reported an error while reading, writing or syncing.</summary>
    IoError,

    /// <summary>The file is damaged.</summary>
    Corrupt,

    /// <summary>The file is not a database of this library; it was left untouched.</summary>
    NotOurs,

    /// <summary>A newer version of this library wrote the database; it was left untouched.</summary>
    NewerSchema,

    /// <summary>
    /// The schema could not be migrated, and was left as it was: a script failed, or the database was opened read-only.
    /// </summary>
    Migration,

    /// <summary>A flat file could not be read or written, or a backup could not be written.</summary>
    FlatFile,

    /// <summary>
    /// The file or its log was moved, replaced, deleted or changed while it was open. This store cannot be used any
    /// more: open the database again.
    /// </summary>
    Moved,

    /// <summary>SQLite's native library cannot be loaded, or is so old that it can corrupt a database.</summary>
    Library,
}

/// <summary>A storage failure. Its message says what failed, on which file, and what to do.</summary>
/// <remarks>
/// If the failure came during the commit, the change may have been stored all the same, which may show only after the
/// database is opened again. It is safe to repeat every call of <see cref="ImageUseStore"/>. After
/// <see cref="StoreErrorReason.Busy"/>, <see cref="StoreErrorReason.Full"/> and
/// <see cref="StoreErrorReason.ReadOnly"/>, the same store works again as soon as the cause is gone. The inner
/// exception is a <see cref="SqliteException"/> with both of SQLite's result codes, or the exception of the operating
/// system.
/// </remarks>
public sealed class ImageUseStoreException : Exception
{
    /// <summary>Creates the exception. It is public so that a host can test how it handles each reason.</summary>
    /// <param name="reason">Why the call failed.</param>
    /// <param name="databasePath">The absolute path of the database.</param>
    /// <param name="message">What failed, on which file, and what to do.</param>
    /// <param name="innerException">The exception of SQLite or the operating system, or null.</param>
    public ImageUseStoreException(
        StoreErrorReason reason, string databasePath, string message, Exception? innerException = null)
        : base(message, innerException)
    {
        Reason = reason;
        DatabasePath = databasePath;
    }

    /// <summary>The absolute path of the database.</summary>
    public string DatabasePath { get; }

    /// <summary>Why the call failed.</summary>
    public StoreErrorReason Reason { get; }

    internal static ImageUseStoreException NotOurs(string databasePath, string why, Exception? inner = null) => new(
        StoreErrorReason.NotOurs, databasePath,
        $"Could not open '{databasePath}': {why}. Use another database path, or move the file aside; it was left "
        + "untouched.", inner);

    internal static ImageUseStoreException Unavailable(string databasePath, string why, Exception? inner = null) =>
        new(StoreErrorReason.Unavailable, databasePath, $"Could not use '{databasePath}': {why}", inner);

    internal static ImageUseStoreException Moved(string databasePath, string why) =>
        new(StoreErrorReason.Moved, databasePath, $"Could not use '{databasePath}': {why}");
}
