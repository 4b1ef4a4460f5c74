using Microsoft.Data.Sqlite;

namespace ImageGc.Sqlite;

/// <summary>Why an <see cref="ImageUseStore"/> could not do what it was asked.</summary>
public enum StoreErrorReason
{
    /// <summary>SQLite reported something else; see the inner exception.</summary>
    Other,

    /// <summary>
    /// Other processes held the lock for longer than the busy timeout: repeat the call. Or another one removes images,
    /// and holds <see cref="ImageUseStore.LockPrunes"/>: stop it first.
    /// </summary>
    Busy,

    /// <summary>The file system has no space, inodes or quota left. The store works again once there is some.</summary>
    Full,

    /// <summary>The file or its file system cannot be written to, or it was opened read-only.</summary>
    ReadOnly,

    /// <summary>
    /// The file cannot be reached: no such directory, no permission, a directory, a mount point by itself, too many
    /// open files.
    /// </summary>
    Unavailable,

    /// <summary>The medium reported an error while reading, writing or syncing.</summary>
    IoError,

    /// <summary>The file is damaged.</summary>
    Corrupt,

    /// <summary>The file holds something else than an image-use database; it was left untouched.</summary>
    NotOurs,

    /// <summary>The database was written by a newer version of this library; it was left untouched.</summary>
    NewerSchema,

    /// <summary>A migration script failed; the database is as it was before.</summary>
    Migration,

    /// <summary>A flat file could not be read or written.</summary>
    FlatFile,

    /// <summary>
    /// The file or its log was moved, replaced, deleted or changed while it was open. This store never works again:
    /// open the file anew.
    /// </summary>
    Moved,

    /// <summary>SQLite's native library cannot be loaded, or is too old to be safe.</summary>
    Library,
}

/// <summary>A storage failure: its message says what failed, on which file and what to do.</summary>
/// <remarks>
/// A call that failed may still have happened when the failure came in the commit, and that may show only after the
/// database is opened anew; every operation of <see cref="ImageUseStore"/> is safe to repeat. After
/// <see cref="StoreErrorReason.Busy"/>, <see cref="StoreErrorReason.Full"/> and
/// <see cref="StoreErrorReason.ReadOnly"/> the same store works again as soon as the cause is gone. The inner exception
/// is the provider's <see cref="SqliteException"/> with both of SQLite's codes, or the operating system's.
/// </remarks>
public sealed class ImageUseStoreException : Exception
{
    /// <summary>Creates the exception; public so that a host can test how it handles each reason.</summary>
    /// <param name="reason">Why it failed.</param>
    /// <param name="databasePath">The absolute path of the database.</param>
    /// <param name="message">What failed, on which file, and what to do.</param>
    /// <param name="innerException">The provider's or the operating system's exception, or null.</param>
    public ImageUseStoreException(
        StoreErrorReason reason, string databasePath, string message, Exception? innerException = null)
        : base(message, innerException)
    {
        Reason = reason;
        DatabasePath = databasePath;
    }

    /// <summary>The absolute path of the database.</summary>
    public string DatabasePath { get; }

    /// <summary>Why it failed, for an application to switch on.</summary>
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
