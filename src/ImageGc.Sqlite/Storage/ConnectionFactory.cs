using System.Globalization;
using System.Text.RegularExpressions;
using Dapper;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging;
using SQLitePCL;

namespace ImageGc.Sqlite;

/// <summary>Opens a connection that keeps the store's promises, on a file that is ours and sound.</summary>
internal static partial class ConnectionFactory
{
    /// <summary>
    /// The largest database whose rows are checked when it is opened; about 85,000 images. A log line and the README
    /// say this limit too.
    /// </summary>
    internal const long LargestCheckedByRow = 8 << 20;

    /// <summary>Temporary tables stay in memory, because a device may have no writable temporary directory.</summary>
    private const long TempStoreMemory = 2;

    private const long SynchronousNormal = 1;
    private const long SynchronousFull = 2;

    /// <summary>The size to which SQLite shrinks a log that grew while a reader held a snapshot.</summary>
    private const long LogSizeLimit = 8 << 20;

    public static SqliteConnection Open(string path, ImageUseStoreOptions options, ILogger log)
    {
        // Some SD cards and eMMC destroy the sector that they are writing when power fails, and with it up to two
        // acknowledged changes. `psow=0` makes SQLite pad its log to whole sectors, which writes twice as many bytes
        // but needs no additional fsync (https://www.sqlite.org/psow.html).
        var sectors = options.Durability == Durability.Full ? "psow=0" : "psow=1";
        return Open(path, SqliteOpenMode.ReadWrite, sectors, options.Vfs, connection =>
        {
            RequireWritable(connection, path);
            Prepare(connection, path, options, log);
        });
    }

    private static FailFastConnection Open(
        string path, SqliteOpenMode mode, string how, string? vfs, Action<SqliteConnection> prepare)
    {
        // Only a URI can set `psow` and `immutable` (https://www.sqlite.org/c3ref/open.html).
        var connection = new FailFastConnection(new SqliteConnectionStringBuilder
        {
            DataSource = OperatingSystem.IsWindows() ? path
                : $"file:{string.Join('/', path.Split('/').Select(Uri.EscapeDataString))}?{how}",
            Mode = mode,
            Vfs = vfs,
            Pooling = false, // A pooled connection would keep the file open after Dispose.
        }.ToString());
        try
        {
            connection.Open();
            prepare(connection);
            return connection;
        }
        catch (SqliteException notADatabase) when (notADatabase.SqliteErrorCode == raw.SQLITE_NOTADB)
        {
            connection.Dispose();
            throw ImageUseStoreException.NotOurs(
                path, "it is not a SQLite database, or its first bytes are damaged", notADatabase);
        }
        catch (SqliteException exception)
        {
            var failure = StorageFailure.From(exception, path, "open the database", connection);
            connection.Dispose();
            throw failure;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    public static void CreateFile(string path)
    {
        var directory = Path.GetDirectoryName(path);
        if (Directory.Exists(path))
            throw ImageUseStoreException.Unavailable(path, "it is a directory. Name a file in it.");
        if (DatabaseFile.LengthOf(path) == 1) // SQLite treats a file of one byte as empty, and overwrites it.
            throw ImageUseStoreException.NotOurs(path, "it is not a SQLite database");
        if (!Directory.Exists(directory))
            throw ImageUseStoreException.Unavailable(path,
                $"the directory '{directory}' does not exist. Create it, then run 'sync', so that power loss does not "
                + "remove it.");

        try
        {
            DatabaseFile.CreateIfMissing(path);
            if (File.ResolveLinkTarget(path, returnFinalTarget: true) is { Exists: false } target)
                throw ImageUseStoreException.Unavailable(path,
                    $"it is a symbolic link to '{target}', which does not exist. Create that, or remove the link.");
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw StorageFailure.From(exception, path, "create the database",
                "Let this user write to its directory.");
        }
    }

    private static void RequireWritable(SqliteConnection connection, string path)
    {
        // SQLite opens a file that it cannot write read-only (https://www.sqlite.org/c3ref/open.html). Without this
        // check the first record would fail.
        if (raw.sqlite3_db_readonly(connection.Handle, "main") != 0)
        {
            throw new ImageUseStoreException(StoreErrorReason.ReadOnly, path,
                $"Could not open '{path}': it is read-only for this user. Make the file, its directory and the file "
                + "system writable, then open it again. The file was left untouched.");
        }
    }

    private static void Prepare(SqliteConnection connection, string path, ImageUseStoreOptions options, ILogger log)
    {
        Set(connection, path, "busy_timeout", (long)options.BusyTimeout.TotalMilliseconds);

        // Until the file and its log are known to be ours and sound, they must stay unchanged. But the last connection
        // that closes a database moves its log into the file, also a log that does not belong to it.
        OpenFiles.KeepLogOnClose(connection, File.Exists(path + "-wal"));
        var version = Migrations.VersionOf(connection, path);
        RequireSound(connection, path, version);
        OpenFiles.KeepLogOnClose(connection, false);

        UseWriteAheadLog(connection, path, options.BusyTimeout);
        Set(connection, path, "synchronous",
            options.Durability == Durability.Full ? SynchronousFull : SynchronousNormal);
        Set(connection, path, "temp_store", TempStoreMemory);
        Set(connection, path, "journal_size_limit", LogSizeLimit);
        if (version != Migrations.ExpectedVersion)
            Migrate(connection, path, log);

        // Makes SQLite open the log now, also for a backup, which has none yet.
        connection.Execute("SELECT count(*) FROM sqlite_schema");

        // SQLite also syncs the directory of a new log, but ignores an error (unixSync in its os_unix.c). If the log's
        // directory entry were lost, so would be everything in the log. From here on the log exists for as long as this
        // connection is open.
        SyncDirectory(path);
    }

    private static void Migrate(SqliteConnection connection, string path, ILogger log)
    {
        Migrations.Apply(connection, path, log);

        // Writes our application ID into the file itself. Without it a file that is damaged later could not be
        // recognized as ours.
        connection.Execute("PRAGMA wal_checkpoint(PASSIVE)");
    }

    /// <remarks>
    /// It takes ten times as long to check the rows as to check the pages: with a million images 2.5 s instead of 0.2
    /// s. So in a large file a bad row is found when it is read. CHECK constraints are ignored, because the store
    /// removes bad rows of `image_use` itself. A bad row of `boot` or `prune_run` counts as damage, because other rows
    /// refer to it.
    /// </remarks>
    private static void RequireSound(SqliteConnection connection, string path, int version)
    {
        var isSmall = DatabaseFile.LengthOf(path) <= LargestCheckedByRow;
        connection.Execute("PRAGMA ignore_check_constraints = ON");
        RequireOk(connection, path, isSmall ? "PRAGMA integrity_check(1)" : "PRAGMA quick_check(1)");
        connection.Execute("PRAGMA ignore_check_constraints = OFF");
        if (version != Migrations.ExpectedVersion)
            return;
        RequireOk(connection, path, "PRAGMA quick_check(boot)");
        RequireOk(connection, path, "PRAGMA quick_check(prune_run)");
    }

    private static void RequireOk(SqliteConnection connection, string path, string check)
    {
        var finding = connection.ExecuteScalar<string>(check)?.ReplaceLineEndings(" ");
        if (finding == "ok")
            return;

        // An I/O error is not damage: a salvage could not read those pages either.
        if (ErrorCode().Match(finding!) is { Success: true } code
            && int.Parse(code.Groups[1].Value, CultureInfo.InvariantCulture) is var extended
            && (extended & 0xff) == raw.SQLITE_IOERR)
        {
            throw StorageFailure.From(
                new SqliteException(finding, raw.SQLITE_IOERR, extended), path, "check the database", connection);
        }

        throw new ImageUseStoreException(StoreErrorReason.Corrupt, path,
            $"Could not open '{path}': the file is damaged: {finding}.");
    }

    [GeneratedRegex(@"\berror code[ =](\d+)")]
    private static partial Regex ErrorCode();

    private static void UseWriteAheadLog(SqliteConnection connection, string path, TimeSpan busyTimeout)
    {
        // If another process makes the same switch, SQLite returns SQLITE_BUSY at once whatever busy_timeout says, to
        // avoid a deadlock. So this command uses the retries of the provider (see FailFastConnection).
        var mode = connection.ExecuteScalar<string>(
            "PRAGMA journal_mode = WAL", commandTimeout: Math.Max(1, (int)busyTimeout.TotalSeconds));
        if (mode != "wal")
        {
            throw ImageUseStoreException.Unavailable(path,
                $"its file system cannot share memory between processes, so the journal mode stays '{mode}', but 'wal' "
                + "is needed. Use a local file system.");
        }
    }

    private static void Set(SqliteConnection connection, string path, string pragma, long value)
    {
        connection.Execute($"PRAGMA {pragma} = {value}");
        var actual = connection.ExecuteScalar<long>($"PRAGMA {pragma}");
        if (actual != value)
            throw new ImageUseStoreException(StoreErrorReason.Other, path,
                $"Could not open '{path}': {pragma} stays {actual} instead of {value}. "
                + "Use the SQLite that comes with this package.");
    }

    private static void SyncDirectory(string path)
    {
        try
        {
            DatabaseFile.SyncDirectoryOf(path);
        }
        catch (IOException exception)
        {
            throw StorageFailure.From(exception, path, "open the database",
                "Without that, power loss could remove new files. Let this user read the directory; if it can, check "
                + "the kernel's log (`dmesg`).");
        }
    }
}
