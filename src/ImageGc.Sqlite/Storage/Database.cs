using System.Data;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging;

namespace ImageGc.Sqlite;

/// <summary>The one long-lived connection of a store: one call at a time, every failure translated.</summary>
internal sealed class Database : IDisposable
{
    private readonly Lock _oneAtATime = new();
    private readonly SqliteConnection _connection;
    private bool _closed;

    private Database(string path, SqliteConnection connection)
    {
        Path = path;
        _connection = connection;
        Upsert = new Statement(connection, ImageUseStore.UpsertUse);
    }

    /// <summary>Behind every record, which is one durable commit and nothing more.</summary>
    public Statement Upsert { get; }

    public string Path { get; }

    /// <summary>Where the damaged database is kept whose place this one took when it was opened, or null.</summary>
    public string? Salvaged { get; private init; }

    /// <summary>Whether it is only looked at.</summary>
    public bool ReadOnly { get; private init; }

    public static Database Open(ImageUseStoreOptions options, TimeProvider time, ILogger log)
    {
        // SQLite keeps its log beside the file itself, not beside a link to it.
        var path = DatabaseFile.RealPathOf(System.IO.Path.GetFullPath(options.DatabasePath));
        Connection.RequireSafeSqlite(path);
        if (options.ReadOnly)
            return OpenToLook(path, options);

        Connection.CreateFile(path);
        try
        {
            return OpenSound(path, options, log);
        }
        catch (ImageUseStoreException damage) when (CanHeal(damage))
        {
            return OpenAndHeal(path, options, time, log);
        }
    }

    private static Database OpenToLook(string path, ImageUseStoreOptions options)
    {
        try
        {
            return On(path, Connection.OpenToLook(path, options), readOnly: true);
        }
        catch (ImageUseStoreException damage) when (damage.Reason == StoreFailure.Corrupt)
        {
            throw new ImageUseStoreException(StoreFailure.Corrupt, path,
                $"{damage.Message} Nothing was changed. Opened for writing, the damaged file is kept and what can be "
                + "read is salvaged.",
                damage);
        }
    }

    private static Database OpenSound(
        string path, ImageUseStoreOptions options, ILogger log, string? salvaged = null) =>
        On(path, Connection.Open(path, options, log), salvaged);

    private static Database On(
        string path, SqliteConnection connection, string? salvaged = null, bool readOnly = false)
    {
        try
        {
            return new Database(path, connection) { Salvaged = salvaged, ReadOnly = readOnly };
        }
        catch (SqliteException exception)
        {
            connection.Dispose();
            throw ImageUseStoreException.From(exception, path, "open the database");
        }
    }

    private static bool CanHeal(ImageUseStoreException damage)
    {
        try
        {
            return damage.Reason is StoreFailure.Corrupt or StoreFailure.NotOurs
                && DatabaseFile.IsOursOrBlank(damage.DatabasePath);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private static Database OpenAndHeal(string path, ImageUseStoreOptions options, TimeProvider time, ILogger log)
    {
        try
        {
            using var alone = DatabaseFile.LockDirectoryOf(path, options.BusyTimeout);
            try
            {
                return OpenSound(path, options, log); // Another process may have healed it meanwhile.
            }
            catch (ImageUseStoreException damage) when (CanHeal(damage))
            {
                return OpenSound(path, options, log, Salvage.Heal(path, options.BusyTimeout, time, damage, log));
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or SqliteException
            || (exception is ImageUseStoreException fresh && fresh.DatabasePath != path))
        {
            var full = exception is ImageUseStoreException { Reason: StoreFailure.Full };
            throw new ImageUseStoreException(full ? StoreFailure.Full : StoreFailure.Corrupt, path,
                $"Could not open '{path}': it is damaged, and replacing it failed: {exception.Message} "
                + "Nothing was deleted.",
                exception);
        }
    }

    /// <summary>Runs one statement, or reads; outside a transaction, so that one statement is one commit.</summary>
    public T Run<TArgs, T>(string doing, TArgs args, Func<SqliteConnection, TArgs, T> use)
    {
        lock (_oneAtATime)
        {
            ObjectDisposedException.ThrowIf(_closed, typeof(ImageUseStore));
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
            throw new ImageUseStoreException(StoreFailure.ReadOnly, Path,
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
        StoreFailure.Corrupt, Path,
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
            Upsert.Dispose();
            _connection.Dispose();
        }
    }
}
