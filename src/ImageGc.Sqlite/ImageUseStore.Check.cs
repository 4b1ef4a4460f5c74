using Dapper;
using Microsoft.Data.Sqlite;

namespace ImageGc.Sqlite;

public sealed partial class ImageUseStore
{
    /// <summary>
    /// Reads the whole database and reports its state; takes longer the larger it is, and changes nothing.
    /// </summary>
    /// <exception cref="ImageUseStoreException">The database could not be read.</exception>
    public StoreCheck Check() => _database.Read("check the database", (connection, now) =>
    {
        var path = _database.Path;
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
            connection.ExecuteScalar<long>(CountImplausible, ParametersOf(now, _threshold)),
            _salvaged,
            findings);
    });

    /// <remarks>
    /// The schema has no rule for every kind of white space, and SQLite checks none of its rules where it may not
    /// write.
    /// </remarks>
    private static List<string> FindBadRows(SqliteConnection connection)
    {
        var bad = connection.Query<Row>("""
            SELECT image_id AS ImageId, boot AS Boot, ran_at AS RanAt
            FROM image_use
            """, buffered: false).Count(row => !row.IsImage);
        return bad == 0 ? [] : [$"{bad} rows of image_use hold no image"];
    }

    private const string CountImplausible = $"""
        SELECT count(*)
        FROM {Uses}
        WHERE NOT plausible
           OR last_used_at NOT BETWEEN @earliest AND @wall + @latestRan - @ran
        """;
}
