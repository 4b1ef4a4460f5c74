using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace ImageGc.Sqlite;

/// <summary>A transaction that every command on the connection joins; undone unless it was committed.</summary>
/// <remarks>Those of the provider must be handed to each command.</remarks>
internal readonly struct Transaction : IDisposable
{
    private readonly SqliteConnection _connection;

    private Transaction(SqliteConnection connection) => _connection = connection;

    /// <summary>Takes the lock for writing now, so that nothing read in it is stale when it writes.</summary>
    public static Transaction BeginImmediate(SqliteConnection connection)
    {
        Execute(connection, "BEGIN IMMEDIATE");
        return new Transaction(connection);
    }

    /// <summary>Sees one state of the database, and keeps nobody from writing.</summary>
    public static Transaction BeginDeferred(SqliteConnection connection)
    {
        Execute(connection, "BEGIN DEFERRED");
        return new Transaction(connection);
    }

    public void Commit() => Execute(_connection, "COMMIT TRANSACTION");

    public void Dispose()
    {
        if (raw.sqlite3_get_autocommit(_connection.Handle) == 0) // SQLite itself rolls back after some failures.
            Execute(_connection, "ROLLBACK TRANSACTION");
    }

    private static void Execute(SqliteConnection connection, string sql) =>
        SqliteException.ThrowExceptionForRC(raw.sqlite3_exec(connection.Handle, sql), connection.Handle);
}
