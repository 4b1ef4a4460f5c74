using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace ImageGc.Sqlite;

/// <summary>
/// The statement behind every record, prepared once: running it is one durable commit and nothing more, and allocates
/// nothing. Used under the database's lock only.
/// </summary>
internal sealed class UpsertStatement : IDisposable
{
    private readonly sqlite3 _database;
    private readonly sqlite3_stmt _statement;

    public UpsertStatement(SqliteConnection connection)
    {
        _database = connection.Handle!;
        Check(raw.sqlite3_prepare_v3(_database, Sql, raw.SQLITE_PREPARE_PERSISTENT, out _statement));
    }

    /// <exception cref="SqliteException">As the provider's own commands throw it.</exception>
    public void Run(string imageId, long now)
    {
        Check(raw.sqlite3_bind_text(_statement, 1, imageId));
        Check(raw.sqlite3_bind_int64(_statement, 2, now));
        raw.sqlite3_step(_statement);
        Check(raw.sqlite3_reset(_statement)); // Returns what the step failed with.
    }

    public void Dispose() => _statement.Dispose();

    private void Check(int result) => SqliteException.ThrowExceptionForRC(result, _database);

    public const string Sql = """
        INSERT INTO image_use (image_id, last_used_at)
        VALUES (@imageId, @now)
        ON CONFLICT (image_id) DO UPDATE
        SET last_used_at = excluded.last_used_at
        """;
}
