using Dapper;
using Microsoft.Data.Sqlite;

namespace ImageGc.Sqlite;

internal static partial class ConnectionFactory
{
    /// <summary>Opens a connection for reading, on a file that is ours, sound and of this schema version.</summary>
    public static SqliteConnection OpenReadOnly(string path, ImageUseStoreOptions options)
    {
        RequireFile(path);
        var keepLog = DatabaseFile.LengthOf($"{path}-wal") > 0;
        try
        {
            // With write permission the connection sees what others write. It creates the -wal and -shm files that it
            // needs for that, and deletes them when it closes, but not a log that was there before.
            return Open(path, SqliteOpenMode.ReadWrite, "psow=1", options.Vfs, connection =>
            {
                RequireWritable(connection, path);
                OpenFiles.KeepLogOnClose(connection, keepLog);
                PrepareReadOnly(connection, path, options.BusyTimeout);
            });
        }
        catch (ImageUseStoreException limited) when (limited.Reason
            is StoreErrorReason.ReadOnly or StoreErrorReason.Unavailable or StoreErrorReason.Full
            or StoreErrorReason.IoError)
        {
            // If the log is empty, the file alone is the database, and can be read without creating files beside it
            // (`immutable`, https://www.sqlite.org/c3ref/open.html).
            var isLogEmpty = DatabaseFile.LengthOf($"{path}-wal") == 0;
            try
            {
                if (!isLogEmpty && limited.Reason == StoreErrorReason.Full)
                    return OpenAlone(path, options);
                return Open(path, SqliteOpenMode.ReadOnly, isLogEmpty ? "immutable=1" : "psow=1", options.Vfs,
                    connection => PrepareReadOnly(connection, path, options.BusyTimeout));
            }
            catch (ImageUseStoreException noIndex)
                when (!isLogEmpty && noIndex.Reason == StoreErrorReason.Unavailable && !File.Exists($"{path}-shm"))
            {
                throw ImageUseStoreException.Unavailable(path,
                    $"a part of it is in '{path}-wal', which cannot be read without '{path}-shm', and this user cannot "
                    + "create that file. Open it as a user who can write to its directory, or copy both files to a "
                    + "directory of your own and open the copy.",
                    noIndex);
            }
        }
    }

    /// <summary>
    /// Opens in exclusive mode, in which the index of the log is in memory, for a disk without room for the -shm file.
    /// No other process can use the database meanwhile
    /// (https://www.sqlite.org/wal.html#use_of_wal_without_shared_memory).
    /// </summary>
    private static FailFastConnection OpenAlone(string path, ImageUseStoreOptions options) =>
        Open(path, SqliteOpenMode.ReadWrite, "psow=1", options.Vfs, connection =>
        {
            RequireWritable(connection, path);
            OpenFiles.KeepLogOnClose(connection, true);
            connection.Execute("PRAGMA locking_mode = EXCLUSIVE");
            PrepareReadOnly(connection, path, options.BusyTimeout);
        });

    private static void PrepareReadOnly(SqliteConnection connection, string path, TimeSpan busyTimeout)
    {
        Set(connection, path, "busy_timeout", (long)busyTimeout.TotalMilliseconds);
        Set(connection, path, "temp_store", TempStoreMemory);
        var version = Migrations.VersionOf(connection, path);
        if (version == 0)
            throw ImageUseStoreException.Unavailable(
                path, "there is no database in it yet. Check the path, or open it for writing, which creates one.");
        if (version < Migrations.ExpectedVersion)
        {
            throw new ImageUseStoreException(StoreErrorReason.Migration, path,
                $"Could not read '{path}': its schema version is {version}, and this program reads version "
                + $"{Migrations.ExpectedVersion}. Use the program that wrote it, or open it for writing, which "
                + "migrates it. Nothing was changed.");
        }

        RequireSound(connection, path, version);
    }

    private static void RequireFile(string path)
    {
        try
        {
            if (!DatabaseFile.IsThere(path))
                throw ImageUseStoreException.Unavailable(path, "there is no such file.");
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw ImageUseStoreException.Unavailable(path,
                $"{exception.Message.TrimEnd('.')}. Name a file that this user can read.", exception);
        }
    }
}
