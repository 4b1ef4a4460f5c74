using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace ImageGc.Sqlite;

/// <summary>A statement that is prepared once and run often. Use it only while you hold the database's lock.</summary>
internal sealed class PreparedStatement : IDisposable
{
    private readonly sqlite3 _database;
    private readonly sqlite3_stmt _statement;

    public PreparedStatement(SqliteConnection connection, string sql)
    {
        _database = connection.Handle!;
        Check(raw.sqlite3_prepare_v3(_database, sql, raw.SQLITE_PREPARE_PERSISTENT, out _statement));
    }

    /// <summary>Runs the statement with its parameters, in the order in which it first names them.</summary>
    /// <exception cref="SqliteException">The statement failed.</exception>
    public void Run(string text, params ReadOnlySpan<long> numbers)
    {
        Bind(text, numbers);
        raw.sqlite3_step(_statement);
        Check(raw.sqlite3_reset(_statement)); // Returns the error of the step.
    }

    /// <summary>Runs the statement, and reads the integers of its first row.</summary>
    /// <returns>Whether there is a row.</returns>
    /// <exception cref="SqliteException">The statement failed.</exception>
    public bool TryReadRow(string text, Span<long> row)
    {
        Bind(text, []);
        var found = raw.sqlite3_step(_statement) == raw.SQLITE_ROW;
        for (var column = 0; found && column < row.Length; column++)
            row[column] = raw.sqlite3_column_int64(_statement, column);
        Check(raw.sqlite3_reset(_statement));
        return found;
    }

    public void Dispose() => _statement.Dispose();

    private void Bind(string text, ReadOnlySpan<long> numbers)
    {
        Check(raw.sqlite3_bind_text(_statement, 1, text));
        for (var i = 0; i < numbers.Length; i++)
            Check(raw.sqlite3_bind_int64(_statement, i + 2, numbers[i]));
    }

    private void Check(int result) => SqliteException.ThrowExceptionForRC(result, _database);
}
