namespace ImageGc.Sqlite;

/// <summary>The state of an open database, for operators and health checks.</summary>
/// <param name="DatabasePath">The absolute path of the database.</param>
/// <param name="SchemaVersion">The schema version: the number of the newest migration that ran.</param>
/// <param name="SqliteVersion">The version of the SQLite library that is loaded.</param>
/// <param name="JournalMode">
/// `wal`; or `none` if the database was opened without a log, on a full disk or by a user who cannot write.
/// </param>
/// <param name="TrackedImages">How many images are tracked.</param>
/// <param name="DatabaseBytes">The size of the database file in bytes.</param>
/// <param name="LogBytes">The size of the write-ahead log in bytes; it grows while a reader holds a snapshot.</param>
/// <param name="ImplausibleTimes">
/// How many images have a last use that is in the future or too long ago to be true, as in
/// <see cref="FlatFileImport.Implausible"/>. It makes them no older.
/// </param>
/// <param name="Salvaged">
/// The path of the damaged database that this one replaced when the store was opened, or null.
/// </param>
/// <param name="Damage">
/// What SQLite's integrity check found, at most 100 lines, or how many rows contain no image. Empty if the file is
/// sound.
/// </param>
public sealed record StoreCheck(
    string DatabasePath, int SchemaVersion, string SqliteVersion, string JournalMode,
    long TrackedImages, long DatabaseBytes, long LogBytes, long ImplausibleTimes, string? Salvaged,
    IReadOnlyList<string> Damage);
