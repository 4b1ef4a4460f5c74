using System.Data;
using Dapper;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging;

namespace ImageGc.Sqlite;

/// <summary>The one long-lived connection of a store: one call at a time, every failure translated.</summary>
internal sealed class Database : IDisposable
{
    private const int OldestSafeSqlite = 3_051_003;

    private readonly Lock _oneAtATime = new();
    private readonly SqliteConnection _connection;
    private bool _closed;

    private Database(string path, SqliteConnection connection)
    {
        Path = path;
        _connection = connection;
    }

    public string Path { get; }

    public static Database Open(ImageUseStoreOptions options, ILogger log)
    {
        var path = System.IO.Path.GetFullPath(options.DatabasePath);
        RequireSafeSqlite(path);
        Create(path);

        var connection = new SqliteConnection(new SqliteConnectionStringBuilder
        {
            DataSource = path,
            Mode = SqliteOpenMode.ReadWrite,
            Vfs = options.Vfs,
            Pooling = false, // A pooled connection would keep the file open after Dispose.
        }.ToString())
        {
            // Below zero the provider hands SQLITE_BUSY on at once; from zero on it adds waits of 150 ms of its own to
            // those of busy_timeout, with zero for ever.
            DefaultTimeout = -1,
        };
        try
        {
            connection.Open();
            Prepare(connection, path, options, log);
            return new Database(path, connection);
        }
        catch (SqliteException notADatabase) when (notADatabase.SqliteErrorCode == SQLitePCL.raw.SQLITE_NOTADB)
        {
            connection.Dispose();
            throw Migrations.NotOurs(path, "it is no SQLite database", notADatabase);
        }
        catch (SqliteException exception)
        {
            connection.Dispose();
            throw ImageUseStoreException.From(exception, path, "open the database");
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    /// <summary>Runs one statement, or reads; outside a transaction, so that one statement is one commit.</summary>
    public T Run<TArgs, T>(string doing, TArgs args, Func<SqliteConnection, TArgs, T> use)
    {
        lock (_oneAtATime)
        {
            ObjectDisposedException.ThrowIf(_closed, typeof(ImageUseStore));
            try
            {
                return use(_connection, args);
            }
            catch (SqliteException exception)
            {
                throw ImageUseStoreException.From(exception, Path, doing);
            }
            catch (Exception exception) when (exception is DataException or InvalidCastException or FormatException)
            {
                // Dapper met a value of another type than the schema allows: SQLite keeps no checksums.
                throw Unreadable(doing, exception);
            }
        }
    }

    /// <summary>Runs <paramref name="change"/> in one IMMEDIATE transaction.</summary>
    public T Write<T>(string doing, Func<SqliteConnection, T> change) =>
        Run(doing, change, static (connection, change) =>
        {
            using var transaction = connection.BeginTransaction();
            var result = change(connection);
            transaction.Commit();
            return result;
        });

    public ImageUseStoreException Unreadable(string doing, Exception? inner = null) => new(
        StoreFailure.Corrupt, Path,
        $"Could not {doing} in '{Path}': a row holds what was never written to it, so the file is damaged. "
        + "Restart the runtime: opening it keeps the damaged file and saves what can be read.",
        inner);

    public void Dispose()
    {
        lock (_oneAtATime)
        {
            if (_closed)
                return;
            _closed = true;
            _connection.Dispose();
        }
    }

    private static void RequireSafeSqlite(string path)
    {
        SQLitePCL.Batteries_V2.Init();
        if (SQLitePCL.raw.sqlite3_libversion_number() < OldestSafeSqlite)
        {
            throw new ImageUseStoreException(StoreFailure.Other, path,
                $"Could not open '{path}': SQLite {SQLitePCL.raw.sqlite3_libversion().utf8_to_string()} is loaded, whose "
                + "write-ahead log can corrupt a database. Reference SQLite 3.51.3 or later.");
        }
    }

    private static void Create(string path)
    {
        var directory = System.IO.Path.GetDirectoryName(path);
        if (Directory.Exists(path))
            throw Unavailable(path, "it is a directory. Name a file in it.");
        if (!Directory.Exists(directory))
            throw Unavailable(path, $"the directory '{directory}' does not exist. Create it, and sync its parent directory.");

        try
        {
            DatabaseFile.CreateIfMissing(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw Unavailable(path, $"it cannot be created: {exception.Message} Let this user write to its directory.", exception);
        }
    }

    private static ImageUseStoreException Unavailable(string path, string why, Exception? inner = null) =>
        new(StoreFailure.Unavailable, path, $"Could not open '{path}': {why}", inner);

    private static void Prepare(SqliteConnection connection, string path, ImageUseStoreOptions options, ILogger log)
    {
        Set(connection, path, "busy_timeout", (long)options.BusyTimeout.TotalMilliseconds);

        // Until the file is known to be ours it must stay as it is: the last one to close a database moves the log
        // that its owner left beside it into it.
        KeepLogOnClose(connection, File.Exists(path + "-wal"));
        var version = Migrations.VersionOf(connection, path);
        KeepLogOnClose(connection, false);

        UseWriteAheadLog(connection, path, options.BusyTimeout);
        Set(connection, path, "synchronous", options.Durability == Durability.Full ? 2L : 1L);
        Set(connection, path, "temp_store", 2L);
        Set(connection, path, "journal_size_limit", 8L << 20);

        if (version < Migrations.ExpectedVersion)
            Migrations.Apply(connection, path, log);

        // SQLite syncs the directory for each new log too, but keeps it to itself when that fails, and with the log's
        // name everything in it is gone. From here on the log exists for as long as this connection is open.
        SyncDirectory(path);
    }

    private static void KeepLogOnClose(SqliteConnection connection, bool keep) =>
        SQLitePCL.raw.sqlite3_db_config(
            connection.Handle, SQLitePCL.raw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, keep ? 1 : 0, out _);

    private static void UseWriteAheadLog(SqliteConnection connection, string path, TimeSpan busyTimeout)
    {
        // While another process makes the same switch SQLite answers "locked" without waiting, to avoid a deadlock;
        // here the provider's own waits serve well.
        var mode = connection.ExecuteScalar<string>(
            "PRAGMA journal_mode = WAL", commandTimeout: Math.Max(1, (int)busyTimeout.TotalSeconds));
        if (mode != "wal")
        {
            throw Unavailable(path,
                $"its file system cannot share memory between processes, so the journal mode stays '{mode}' where "
                + "'wal' is needed. Use a local file system.");
        }
    }

    private static void Set(SqliteConnection connection, string path, string pragma, long value)
    {
        connection.Execute($"PRAGMA {pragma} = {value}");
        var actual = connection.ExecuteScalar<long>($"PRAGMA {pragma}");
        if (actual != value)
            throw new ImageUseStoreException(StoreFailure.Other, path, $"Could not open '{path}': {pragma} stays {actual} instead of {value}.");
    }

    private static void SyncDirectory(string path)
    {
        try
        {
            DatabaseFile.SyncDirectoryOf(path);
        }
        catch (IOException exception)
        {
            throw new ImageUseStoreException(StoreFailure.IoError, path,
                $"Could not open '{path}': {exception.Message}. Without that power loss could take new files away. "
                + "Look at the kernel's log, then open it again.", exception);
        }
    }
}
