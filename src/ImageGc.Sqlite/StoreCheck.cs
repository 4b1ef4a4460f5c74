namespace ImageGc.Sqlite;

/// <summary>The state of an open database, for operators and health checks.</summary>
/// <param name="DatabasePath">The absolute path of the database.</param>
/// <param name="SchemaVersion">Its schema version: the number of the newest migration that ran.</param>
/// <param name="SqliteVersion">The version of the SQLite library that is loaded.</param>
/// <param name="JournalMode">
/// How it is journaled: `wal`, or `none` where it is looked at without the right or the room to write.
/// </param>
/// <param name="TrackedImages">How many images are tracked.</param>
/// <param name="DatabaseBytes">The size of the database file.</param>
/// <param name="LogBytes">The size of its write-ahead log; large while a reader holds an old state.</param>
/// <param name="ImplausibleTimes">
/// How many images have a wall time that only a wrong clock can have written, later than now or before 2015: it makes
/// them no older.
/// </param>
/// <param name="Salvaged">
/// Where the damaged database is kept whose place this one took when it was opened for writing, or null.
/// </param>
/// <param name="Damage">
/// What SQLite's integrity check found, at most 100 lines, or that rows hold no image; empty when the file is sound.
/// </param>
public sealed record StoreCheck(
    string DatabasePath, int SchemaVersion, string SqliteVersion, string JournalMode,
    long TrackedImages, long DatabaseBytes, long LogBytes, long ImplausibleTimes, string? Salvaged,
    IReadOnlyList<string> Damage);
