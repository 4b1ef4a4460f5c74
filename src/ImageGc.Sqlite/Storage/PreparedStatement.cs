using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace ImageGc.Sqlite;

/// <summary>
/// A statement prepared once and run often: running it allocates nothing. Used under the database's lock only.
/// </summary>
internal sealed class PreparedStatement : IDisposable
{
    private readonly sqlite3 _database;
    private readonly sqlite3_stmt _statement;

    public PreparedStatement(SqliteConnection connection, string sql)
    {
        _database = connection.Handle!;
        Check(raw.sqlite3_prepare_v3(_database, sql, raw.SQLITE_PREPARE_PERSISTENT, out _statement));
    }

    /// <summary>Runs it with its first parameter.</summary>
    /// <exception cref="SqliteException">As the provider's own commands throw it.</exception>
    public void Run(string text)
    {
        Check(raw.sqlite3_bind_text(_statement, 1, text));
        raw.sqlite3_step(_statement);
        Check(raw.sqlite3_reset(_statement)); // Returns what the step failed with.
    }

    /// <summary>Runs it with its two parameters, in the order in which the statement names them.</summary>
    /// <exception cref="SqliteException">As the provider's own commands throw it.</exception>
    public void Run(string text, long number)
    {
        Check(raw.sqlite3_bind_int64(_statement, 2, number));
        Run(text);
    }

    public void Dispose() => _statement.Dispose();

    private void Check(int result) => SqliteException.ThrowExceptionForRC(result, _database);
}
