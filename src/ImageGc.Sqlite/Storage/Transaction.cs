using Dapper;
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
        connection.Execute("BEGIN IMMEDIATE");
        return new Transaction(connection);
    }

    public static Transaction BeginDeferred(SqliteConnection connection)
    {
        connection.Execute("BEGIN DEFERRED");
        return new Transaction(connection);
    }

    public void Commit() => _connection.Execute("COMMIT TRANSACTION");

    public void Dispose()
    {
        if (raw.sqlite3_get_autocommit(_connection.Handle) == 0) // SQLite itself rolls back after some failures.
            _connection.Execute("ROLLBACK TRANSACTION");
    }
}
