using System.Data;
using Dapper;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging;

namespace ImageGc.Sqlite;

/// <summary>
/// The long-lived connection of a store. It runs one call at a time, and turns failures into
/// <see cref="ImageUseStoreException"/>.
/// </summary>
/// <remarks>
/// SQLite needs a few pages beside the database to open it for writing. If the disk is too full for them, each call
/// opens the database read-only, until there is room.
/// </remarks>
internal sealed class Database : IDisposable
{
    private readonly Lock _oneAtATime = new();
    private readonly Func<DatabaseSession> _open;
    private readonly Func<DatabaseSession> _openReadOnly;
    private readonly ILogger _log;
    private DatabaseSession? _session;
    private bool _closed;

    private Database(string path, Func<DatabaseSession> open, Func<DatabaseSession> openReadOnly, ILogger log)
    {
        (Path, _open, _openReadOnly, _log) = (path, open, openReadOnly, log);
        try
        {
            _session = open();
        }
        catch (ImageUseStoreException full) when (full.Reason == StoreErrorReason.Full && CanOpenReadOnly())
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
        return new Database(path, Open, ReadOnlyOpener(path, options, clock), log);
    }

    public static Database OpenReadOnly(string path, ImageUseStoreOptions options, DeviceClock clock, ILogger log)
    {
        var open = ReadOnlyOpener(path, options, clock);
        return new Database(path, open, open, log) { ReadOnly = true };
    }

    private static Func<DatabaseSession> ReadOnlyOpener(
        string path, ImageUseStoreOptions options, DeviceClock clock) =>
        () => new DatabaseSession(ConnectionFactory.OpenReadOnly(path, options), path, clock);

    private bool CanOpenReadOnly()
    {
        try
        {
            _openReadOnly().Dispose();
            return true;
        }
        catch (ImageUseStoreException)
        {
            return false;
        }
    }

    /// <summary>The statement that records a use, for the delegate of a write.</summary>
    public PreparedStatement Upsert => _session!.Upsert;

    /// <summary>
    /// Reads one snapshot of the database. Its transaction is rolled back, with its temporary tables.
    /// </summary>
    public T Read<T>(string doing, Func<SqliteConnection, T> read) =>
        ReadSession(doing, session => read(session.Connection));

    /// <summary>As <see cref="Read{T}(string, Func{SqliteConnection, T})"/>, with the current moment.</summary>
    public T Read<T>(string doing, Func<SqliteConnection, Now, T> read) =>
        ReadSession(doing, session => read(session.Connection, session.Boots.Read(session.Connection)));

    private T ReadSession<T>(string doing, Func<DatabaseSession, T> read) => InTurn(doing, onlyReads: true, session =>
    {
        using var rolledBack = Transaction.BeginDeferred(session.Connection);
        return read(session);
    });

    /// <summary>
    /// Changes the database in one transaction, after correcting its times if the clock was set. On a full disk
    /// <paramref name="write"/> runs a second time.
    /// </summary>
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
            var now = session.Boots.Write(session.Connection); // Reads the clock after the wait for the lock.
            var written = write(session.Connection, now);
            transaction.Commit();
            setBy = now.SetBy;
            return written;
        }

        var result = InTurn(doing, onlyReads: false, session =>
        {
            try
            {
                return Commit(session);
            }
            catch (SqliteException full)
                when (StorageFailure.From(full, Path, doing, session.Connection).Reason == StoreErrorReason.Full)
            {
                // After a complete checkpoint SQLite writes the log from its beginning again, which needs no more room
                // (https://www.sqlite.org/wal.html, Concurrency).
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

    /// <summary>Copies one snapshot of the database into an empty file.</summary>
    /// <remarks>
    /// VACUUM INTO takes no write lock, and cannot run inside a transaction (https://www.sqlite.org/lang_vacuum.html).
    /// </remarks>
    public void CopyTo(string path) => InTurn(
        $"back up to '{path}'", onlyReads: true,
        session => session.Connection.Execute("VACUUM INTO @path", new { path }));

    /// <remarks>It names the type that callers know, by text, because this part does not know the store.</remarks>
    private static ObjectDisposedException Disposed() => new("ImageGc.Sqlite.ImageUseStore");

    private T InTurn<T>(string doing, bool onlyReads, Func<DatabaseSession, T> use)
    {
        lock (_oneAtATime)
        {
            if (_closed)
                throw Disposed();
            using var temporary = OpenIfThereIsRoom(onlyReads);
            var session = temporary ?? _session!;
            try
            {
                var result = use(session);
                session.Files.RequireInPlace(); // Before a change is acknowledged that other processes cannot see.
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
                // A value violates the schema, such as NULL. SQLite has no checksums that would detect such damage.
                throw Unreadable(doing, exception);
            }
        }
    }

    /// <summary>Opens the database for writing if there was no room for that until now.</summary>
    /// <returns>A read-only session for this call alone if the disk is still full, otherwise null.</returns>
    private DatabaseSession? OpenIfThereIsRoom(bool onlyReads)
    {
        if (_session is not null)
            return null;
        try
        {
            _session = _open();
            return null;
        }
        catch (ImageUseStoreException full) when (full.Reason == StoreErrorReason.Full && onlyReads)
        {
            return _openReadOnly();
        }
    }

    /// <summary>Fails if the database was opened read-only.</summary>
    public void RequireWriting(string doing)
    {
        if (ReadOnly)
            throw new ImageUseStoreException(StoreErrorReason.ReadOnly, Path,
                $"Could not {doing} in '{Path}': it was opened read-only. Open it without "
                + $"{nameof(ImageUseStoreOptions.ReadOnly)}.");
    }

    private ImageUseStoreException Unreadable(string doing, Exception inner) => new(
        StoreErrorReason.Corrupt, Path,
        $"Could not {doing} in '{Path}': a row contains invalid data, so the file is damaged. "
        + "Restart the program that writes it: that keeps the damaged file and salvages what can be read.",
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
