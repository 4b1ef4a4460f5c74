using System.Data;
using Dapper;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging;

namespace ImageGc.Sqlite;

/// <summary>The one long-lived connection of a store: one call at a time, every failure translated.</summary>
internal sealed class Database : IDisposable
{
    private readonly Lock _oneAtATime = new();
    private readonly SqliteConnection _connection;
    private readonly OpenFiles _files;
    private readonly BootTable _boots;
    private readonly ILogger _log;
    private readonly List<PreparedStatement> _statements = [];
    private bool _closed;

    private Database(string path, SqliteConnection connection, DeviceClock clock, ILogger log)
    {
        Path = path;
        _connection = connection;
        _files = new OpenFiles(connection, path);
        _log = log;
        _boots = new BootTable(clock, Prepare(BootTable.FindBoot));
    }

    public string Path { get; }

    /// <summary>Whether it was opened only to read it.</summary>
    public bool ReadOnly { get; private init; }

    /// <exception cref="ImageUseStoreException">It cannot be opened, is damaged, or is not ours.</exception>
    public static Database Open(string path, ImageUseStoreOptions options, DeviceClock clock, ILogger log) =>
        new(path, ConnectionFactory.Open(path, options, log), clock, log);

    public static Database OpenReadOnly(string path, ImageUseStoreOptions options, DeviceClock clock, ILogger log) =>
        new(path, ConnectionFactory.OpenReadOnly(path, options), clock, log) { ReadOnly = true };

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
            var failure = StorageFailure.From(exception, Path, "open the database", _connection);
            Dispose();
            throw failure;
        }
    }

    /// <summary>Reads one state of the database; temporary tables vanish afterwards.</summary>
    public T Read<T>(string doing, Func<SqliteConnection, T> read) => InTurn(doing, () =>
    {
        using var rolledBack = Transaction.BeginDeferred(_connection);
        return read(_connection);
    });

    /// <summary>As <see cref="Read{T}(string, Func{SqliteConnection, T})"/>, with the moment that is now.</summary>
    public T Read<T>(string doing, Func<SqliteConnection, Now, T> read) =>
        Read(doing, connection => read(connection, _boots.Read(connection)));

    /// <summary>Changes the database, all or nothing, after its times were corrected if the clock was set.</summary>
    public T Write<T>(string doing, Func<SqliteConnection, Now, T> write)
    {
        var result = Write(doing, write, out var clockSetBy);
        ReportClock(clockSetBy);
        return result;
    }

    /// <summary>
    /// As above, for a caller that other threads wait for. It must call <see cref="ReportClock"/> after it has released
    /// them, because a logger may use the store.
    /// </summary>
    public T Write<T>(string doing, Func<SqliteConnection, Now, T> write, out TimeSpan clockSetBy)
    {
        RequireWriting(doing);
        var setBy = 0L;
        var result = InTurn(doing, () =>
        {
            using var transaction = Transaction.BeginImmediate(_connection);
            var now = _boots.Write(_connection); // Not before: waiting for the lock takes time.
            var written = write(_connection, now);
            transaction.Commit();
            setBy = now.SetBy;
            return written;
        });
        clockSetBy = TimeSpan.FromMilliseconds(setBy);
        return result;
    }

    public void ReportClock(TimeSpan setBy)
    {
        if (setBy != TimeSpan.Zero)
            _log.CorrectedTimes(setBy);
    }

    /// <summary>Copies one state of the database into an empty file.</summary>
    /// <remarks>VACUUM reads without a lock for writing, and runs in no transaction.</remarks>
    public void CopyTo(string path) =>
        InTurn($"back up to '{path}'", () => _connection.Execute("VACUUM INTO @path", new { path }));

    private T InTurn<T>(string doing, Func<T> use)
    {
        lock (_oneAtATime)
        {
            ObjectDisposedException.ThrowIf(_closed, typeof(Database));
            try
            {
                var result = use();
                _files.RequireInPlace(); // Not before: nothing is acknowledged that others cannot see.
                return result;
            }
            catch (SqliteException exception)
            {
                _files.RequireInPlace();
                throw StorageFailure.From(exception, Path, doing, _connection);
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

    /// <summary>Fails if the database was opened read-only.</summary>
    private void RequireWriting(string doing)
    {
        if (ReadOnly)
            throw new ImageUseStoreException(StoreErrorReason.ReadOnly, Path,
                $"Could not {doing} in '{Path}': it was opened read-only. Open it without "
                + $"{nameof(ImageUseStoreOptions.ReadOnly)}.");
    }

    private ImageUseStoreException Unreadable(string doing, Exception inner) => new(
        StoreErrorReason.Corrupt, Path,
        $"Could not {doing} in '{Path}': a row contains invalid data, so the file is damaged. "
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
            _files.Release(_connection);
            _connection.Dispose();
        }
    }
}
