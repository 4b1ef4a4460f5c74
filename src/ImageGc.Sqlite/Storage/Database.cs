using System.Data;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging;

namespace ImageGc.Sqlite;

/// <summary>The one long-lived connection of a store: one call at a time, every failure translated.</summary>
internal sealed class Database : IDisposable
{
    private readonly Lock _oneAtATime = new();
    private readonly SqliteConnection _connection;
    private readonly List<PreparedStatement> _statements = [];
    private bool _closed;

    private Database(string path, SqliteConnection connection)
    {
        Path = path;
        _connection = connection;
    }

    public string Path { get; }

    /// <summary>Whether it was opened only to read it.</summary>
    public bool ReadOnly { get; private init; }

    /// <exception cref="ImageUseStoreException">It cannot be opened, is damaged, or is not ours.</exception>
    public static Database Open(string path, ImageUseStoreOptions options, ILogger log) =>
        new(path, ConnectionFactory.Open(path, options, log));

    public static Database OpenReadOnly(string path, ImageUseStoreOptions options) =>
        new(path, ConnectionFactory.OpenReadOnly(path, options)) { ReadOnly = true };

    /// <summary>Prepares a statement that runs often, until the database is disposed of.</summary>
    public PreparedStatement Prepare(string sql)
    {
        try
        {
            var statement = new PreparedStatement(_connection, sql);
            _statements.Add(statement);
            return statement;
        }
        catch (SqliteException exception)
        {
            throw ImageUseStoreException.From(exception, Path, "open the database");
        }
    }

    /// <summary>Runs one statement, or reads; outside a transaction, so that one statement is one commit.</summary>
    public T Run<TArgs, T>(string doing, TArgs args, Func<SqliteConnection, TArgs, T> use)
    {
        lock (_oneAtATime)
        {
            ObjectDisposedException.ThrowIf(_closed, typeof(Database));
            RequireInPlace();
            try
            {
                return use(_connection, args);
            }
            catch (SqliteException exception)
            {
                throw ImageUseStoreException.From(exception, Path, doing);
            }
            catch (Exception exception) when (exception
                is ArgumentNullException or InvalidOperationException or InvalidCastException or FormatException
                or DataException)
            {
                // A value was met that the schema does not allow, such as NULL: SQLite keeps no checksums.
                throw Unreadable(doing, exception);
            }
        }
    }

    /// <summary>Fails if the database was opened only to look at it.</summary>
    public void RequireWriting(string doing)
    {
        if (ReadOnly)
            throw new ImageUseStoreException(StoreErrorReason.ReadOnly, Path,
                $"Could not {doing} in '{Path}': it was opened only to look at it. Open it without "
                + $"{nameof(ImageUseStoreOptions.ReadOnly)}.");
    }

    /// <summary>What is written to a file that was moved, replaced or deleted goes nowhere.</summary>
    private void RequireInPlace()
    {
        if (DatabaseFile.HasMoved(_connection))
        {
            throw ImageUseStoreException.Unavailable(Path,
                "the file was moved, replaced or deleted while it was open. Restart the program, or open it anew, to "
                + "use the file that is there now.");
        }
    }

    private ImageUseStoreException Unreadable(string doing, Exception inner) => new(
        StoreErrorReason.Corrupt, Path,
        $"Could not {doing} in '{Path}': a row holds what was never written to it, so the file is damaged. "
        + "Open it anew: that keeps the damaged file and saves what can be read.",
        inner);

    public void Dispose()
    {
        lock (_oneAtATime)
        {
            if (_closed)
                return;
            _closed = true;
            _statements.ForEach(statement => statement.Dispose());
            _connection.Dispose();
        }
    }
}
