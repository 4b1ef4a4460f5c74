using Dapper;
using Microsoft.Data.Sqlite;

namespace ImageGc.Sqlite;

public sealed partial class ImageUseStore
{
    /// <summary>
    /// Reads the whole database and reports its state; takes longer the larger it is, and changes nothing.
    /// </summary>
    /// <exception cref="ImageUseStoreException">The database could not be read.</exception>
    public StoreCheck Check() => _database.Run("check the database", this, static (connection, store) =>
    {
        var (path, now) = (store._database.Path, store._clock.Now(store._clock.Step()));
        var findings = connection.Query<string>("PRAGMA integrity_check(100)").AsList();
        if (findings is ["ok"])
            findings = FindBadRows(connection);
        return new StoreCheck(
            path,
            connection.ExecuteScalar<int>("PRAGMA user_version"),
            connection.ServerVersion,
            connection.ExecuteScalar<string>("PRAGMA journal_mode") == "wal" ? "wal" : "none",
            connection.ExecuteScalar<long>(CountImages),
            DatabaseFile.LengthOf(path),
            DatabaseFile.LengthOf(path + "-wal"),
            connection.ExecuteScalar<long>(CountWronglyStamped, new { now, earliest = Earliest(now) }),
            store._salvaged,
            findings);
    });

    /// <remarks>
    /// The schema has no rule for every kind of white space, and SQLite checks none of its rules where it may not
    /// write.
    /// </remarks>
    private static List<string> FindBadRows(SqliteConnection connection)
    {
        var bad = connection.Query<Row>("""
            SELECT image_id AS ImageId, last_used_at AS LastUsedAt
            FROM image_use
            """, buffered: false).Count(row => !row.IsImage);
        return bad == 0 ? [] : [$"{bad} rows of image_use hold no image"];
    }

    private const string CountWronglyStamped = $"""
        SELECT count(*)
        FROM image_use
        WHERE {WronglyStamped}
        """;
}
