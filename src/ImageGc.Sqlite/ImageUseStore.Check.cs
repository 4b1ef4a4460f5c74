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
            findings = FindBadRows(connection) is { Count: > 0 } bad
                ? [$"{bad.Count} rows of image_use hold no image"]
                : [];
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

    /// <summary>Removes the rows that hold no image, so that they are not left out by every call.</summary>
    private void RemoveBadRows()
    {
        if (_database.ReadOnly || DatabaseFile.LengthOf(_database.Path) > ConnectionFactory.LargestCheckedByRow)
            return;
        if (_database.Read("look for bad rows", FindBadRows) is not { Count: > 0 } bad)
            return;

        WriteAfterBacklog("remove bad rows", (connection, _) =>
            connection.Execute(DeleteBadRows, bad.Select(row => new { bytes = row.Bytes })));
        _log.RemovedBadRows(
            bad.Count, _database.Path, string.Join(", ", bad.Take(10).Select(row => ImageId.Quote(row.ImageId))));
    }

    /// <remarks>
    /// The schema has no rule for every kind of white space nor for bytes that are not text, and damage writes what it
    /// likes.
    /// </remarks>
    private static List<StoredRow> FindBadRows(SqliteConnection connection) =>
        [.. connection.Query<StoredRow>(SelectSuspects)
            .Where(row => !row.Fits || !ImageId.IsValid(row.ImageId))];

    /// <remarks>
    /// A text of printable ASCII, which the usual IDs are, can only be wrong by its length; SQLite counts characters up
    /// to a NUL. The rules for the rest are those of <see cref="ImageId"/>.
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

    /// <remarks>An ID that is not valid UTF-8 can only be found by its bytes.</remarks>
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
