using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace ImageGc.Sqlite;

/// <summary>A transaction of all commands on the connection. It is rolled back unless it was committed.</summary>
/// <remarks>A <see cref="SqliteTransaction"/> would have to be assigned to each command.</remarks>
internal readonly struct Transaction : IDisposable
{
    private readonly SqliteConnection _connection;

    private Transaction(SqliteConnection connection) => _connection = connection;

    /// <summary>Takes the write lock at once, so that nothing that it reads is stale when it writes.</summary>
    public static Transaction BeginImmediate(SqliteConnection connection)
    {
        Execute(connection, "BEGIN IMMEDIATE");
        return new Transaction(connection);
    }

    /// <summary>Sees one snapshot of the database, and does not block writers.</summary>
    public static Transaction BeginDeferred(SqliteConnection connection)
    {
        Execute(connection, "BEGIN DEFERRED");
        return new Transaction(connection);
    }

    public void Commit() => Execute(_connection, "COMMIT TRANSACTION");

    public void Dispose()
    {
        if (raw.sqlite3_get_autocommit(_connection.Handle) == 0) // SQLite rolls back by itself after some errors.
            Execute(_connection, "ROLLBACK TRANSACTION");
    }

    private static void Execute(SqliteConnection connection, string sql) =>
        SqliteException.ThrowExceptionForRC(raw.sqlite3_exec(connection.Handle, sql), connection.Handle);
}
