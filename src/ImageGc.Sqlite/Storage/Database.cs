using System.Data;
using Dapper;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging;

namespace ImageGc.Sqlite;

/// <summary>The one long-lived connection of a store: one call at a time, every failure translated.</summary>
/// <remarks>
/// A full disk may leave no room to open the database for good: SQLite needs a few pages beside it. Then it is opened
/// to look at it, call by call, until there is room.
/// </remarks>
internal sealed class Database : IDisposable
{
    private readonly Lock _oneAtATime = new();
    private readonly Func<DatabaseSession> _open;
    private readonly Func<DatabaseSession> _look;
    private readonly ILogger _log;
    private DatabaseSession? _session;
    private bool _closed;

    private Database(string path, Func<DatabaseSession> open, Func<DatabaseSession> look, ILogger log)
    {
        (Path, _open, _look, _log) = (path, open, look, log);
        try
        {
            _session = open();
        }
        catch (ImageUseStoreException full) when (full.Reason == StoreErrorReason.Full && CanLook())
        {
            log.OpenedWithoutRoom(path, full.Message);
        }
    }

    public string Path { get; }

    /// <summary>Whether it was opened only to read it.</summary>
    public bool ReadOnly { get; private init; }

    /// <exception cref="ImageUseStoreException">It cannot be opened, is damaged, or is not ours.</exception>
    public static Database Open(string path, ImageUseStoreOptions options, DeviceClock clock, ILogger log)
    {
        DatabaseSession Open() => new(ConnectionFactory.Open(path, options, log), path, clock);
        return new Database(path, Open, Looking(path, options, clock), log);
    }

    public static Database OpenReadOnly(string path, ImageUseStoreOptions options, DeviceClock clock, ILogger log)
    {
        var look = Looking(path, options, clock);
        return new Database(path, look, look, log) { ReadOnly = true };
    }

    private static Func<DatabaseSession> Looking(string path, ImageUseStoreOptions options, DeviceClock clock) =>
        () => new DatabaseSession(ConnectionFactory.OpenReadOnly(path, options), path, clock);

    private bool CanLook()
    {
        try
        {
            _look().Dispose();
            return true;
        }
        catch (ImageUseStoreException)
        {
            return false;
        }
    }

    /// <summary>For a write that goes on: the statement that records a use.</summary>
    public PreparedStatement Upsert => _session!.Upsert;

    /// <summary>Reads one state of the database; temporary tables vanish afterwards.</summary>
    public T Read<T>(string doing, Func<SqliteConnection, T> read) =>
        Look(doing, session => read(session.Connection));

    /// <summary>As <see cref="Read{T}(string, Func{SqliteConnection, T})"/>, with the moment that is now.</summary>
    public T Read<T>(string doing, Func<SqliteConnection, Now, T> read) =>
        Look(doing, session => read(session.Connection, session.Boots.Read(session.Connection)));

    private T Look<T>(string doing, Func<DatabaseSession, T> read) => InTurn(doing, mayLook: true, session =>
    {
        using var rolledBack = Transaction.BeginDeferred(session.Connection);
        return read(session);
    });

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
        T Commit(DatabaseSession session)
        {
            using var transaction = Transaction.BeginImmediate(session.Connection);
            var now = session.Boots.Write(session.Connection); // Not before: waiting for the lock takes time.
            var written = write(session.Connection, now);
            transaction.Commit();
            setBy = now.SetBy;
            return written;
        }

        var result = InTurn(doing, mayLook: false, session =>
        {
            try
            {
                return Commit(session);
            }
            catch (SqliteException full)
                when (StorageFailure.From(full, Path, doing, session.Connection).Reason == StoreErrorReason.Full)
            {
                // Once all of the log is in the file, it is written from its beginning again, which takes no more room.
                session.Connection.Execute("PRAGMA wal_checkpoint(PASSIVE)");
                return Commit(session);
            }
        });
        clockSetBy = TimeSpan.FromMilliseconds(setBy);
        return result;
    }

    public void ReportClock(TimeSpan setBy)
    {
        if (setBy != TimeSpan.Zero)
            _log.CorrectedTimes((setBy < TimeSpan.Zero ? "-" : "") + DurationText.Format(setBy.Duration()));
    }

    /// <summary>Copies one state of the database into an empty file.</summary>
    /// <remarks>VACUUM reads without a lock for writing, and runs in no transaction.</remarks>
    public void CopyTo(string path) => InTurn(
        $"back up to '{path}'", mayLook: true,
        session => session.Connection.Execute("VACUUM INTO @path", new { path }));

    private T InTurn<T>(string doing, bool mayLook, Func<DatabaseSession, T> use)
    {
        lock (_oneAtATime)
        {
            ObjectDisposedException.ThrowIf(_closed, typeof(Database));
            using var look = OpenOrLook(mayLook);
            var session = look ?? _session!;
            try
            {
                var result = use(session);
                session.Files.RequireInPlace(); // Not before: nothing is acknowledged that others cannot see.
                return result;
            }
            catch (SqliteException exception)
            {
                session.Files.RequireInPlace();
                throw StorageFailure.From(exception, Path, doing, session.Connection);
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

    /// <summary>Opens the database for good if there was no room until now.</summary>
    /// <returns>A session for this call alone if there still is none, otherwise null.</returns>
    private DatabaseSession? OpenOrLook(bool mayLook)
    {
        if (_session is not null)
            return null;
        try
        {
            _session = _open();
            return null;
        }
        catch (ImageUseStoreException full) when (full.Reason == StoreErrorReason.Full && mayLook)
        {
            return _look();
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
            _closed = true;
            _session?.Dispose();
            _session = null;
        }
    }
}
