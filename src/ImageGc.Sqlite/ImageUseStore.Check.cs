using Dapper;
using Microsoft.Data.Sqlite;

namespace ImageGc.Sqlite;

public sealed partial class ImageUseStore
{
    /// <summary>
    /// Checks the whole database and reports its state, without modifying it. The time grows with its size.
    /// </summary>
    /// <exception cref="ImageUseStoreException">The database could not be read.</exception>
    public StoreCheck Check() => _database.Read("check the database", (connection, now) =>
    {
        var path = _database.Path;
        var findings = connection.Query<string>("PRAGMA integrity_check(100)").AsList();
        if (findings is ["ok"])
            findings = FindBadRows(connection) is { Count: > 0 } bad
                ? [$"{bad.Count} rows of image_use contain no image"]
                : [];

        // SQLite reports a rollback journal for a file that it opened as immutable, but that has none.
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

    /// <summary>
    /// Removes rows that contain no valid image; otherwise every call would have to leave them out. A database larger
    /// than <see cref="ConnectionFactory.LargestCheckedByRow"/> keeps them, because reading it takes too long.
    /// </summary>
    private void RemoveBadRows()
    {
        if (_database.ReadOnly || DatabaseFile.LengthOf(_database.Path) > ConnectionFactory.LargestCheckedByRow)
            return;
        if (_database.Read("find bad rows", FindBadRows) is not { Count: > 0 } bad)
            return;

        WriteAfterBacklog("remove bad rows", (connection, _) =>
            connection.Execute(DeleteBadRows, bad.Select(row => new { bytes = row.Bytes })));
        _log.RemovedBadRows(
            bad.Count, _database.Path, string.Join(", ", bad.Take(10).Select(row => ImageId.Quote(row.ImageId))));
    }

    /// <remarks>
    /// The CHECK constraints cannot express all rules of <see cref="ImageId"/>, such as those for Unicode white space
    /// and invalid UTF-8, and damage does not respect them.
    /// </remarks>
    private static List<StoredRow> FindBadRows(SqliteConnection connection) =>
        [.. connection.Query<StoredRow>(SelectSuspects)
            .Where(row => !row.Fits || !ImageId.IsValid(row.ImageId))];

    /// <remarks>
    /// Selects the rows that may be invalid, for <see cref="ImageId"/> to decide. An ID of printable ASCII, the usual
    /// case, can only have a wrong length. SQLite's length() stops at a NUL, so its two lengths differ if there is one
    /// (https://www.sqlite.org/lang_corefunc.html#length).
    /// </remarks>
    private const string SelectSuspects = """
        SELECT CAST(image_id AS TEXT) AS ImageId,
               hex(image_id) AS Bytes,
               typeof(image_id) = 'text'
                   AND typeof(boot) = 'integer'
                   AND boot >= 0
                   AND typeof(ran_at) = 'integer'
                   AND ran_at BETWEEN 0 AND 253402300799999 AS Fits
        FROM image_use
        WHERE NOT Fits
           OR image_id GLOB '*[^!-~]*'
           OR length(image_id) NOT BETWEEN 1 AND 512
           OR length(image_id) <> length(CAST(image_id AS BLOB))
        """;

    /// <remarks>An ID that is not valid UTF-8 can only be matched by its bytes.</remarks>
    private const string DeleteBadRows = """
        DELETE FROM image_use
        WHERE hex(image_id) = @bytes
        """;

    internal sealed record StoredRow(string ImageId, string Bytes, bool Fits);

    private const string CountImplausible = $"""
        SELECT count(*)
        FROM {Uses}
        WHERE NOT plausible
           OR last_used_at NOT BETWEEN @earliest AND @wall + @latestRan - @ran
        """;
}
