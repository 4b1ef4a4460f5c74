using System.Text;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging;

namespace ImageGc.Sqlite;

/// <summary>Opens the database of a store, and salvages it first if it is damaged and provably ours.</summary>
internal static class DatabaseOpener
{
    /// <returns>
    /// The database, and the path of the damaged one that it replaced, or null if it was not damaged.
    /// </returns>
    public static (Database Database, string? Salvaged) Open(
        ImageUseStoreOptions options, DeviceClock clock, ILogger log)
    {
        // SQLite keeps its log beside the file itself, not beside a link to it.
        var path = DatabaseFile.RealPathOf(DatabaseFile.FullPathOf(options.DatabasePath));
        SqliteLibrary.RequireSafe(path);
        RequireSafePlace(path, log);
        if (options.ReadOnly)
            return (OpenReadOnly(path, options, clock, log), null);

        ConnectionFactory.CreateFile(path);
        try
        {
            return (OpenWhole(path, options, clock, log), null);
        }
        catch (ImageUseStoreException damage) when (CanSalvage(damage))
        {
            return SalvageAndOpen(path, options, clock, log);
        }
    }

    /// <summary>Opens the database, unless an interrupted salvage has taken its log from it.</summary>
    private static Database OpenWhole(string path, ImageUseStoreOptions options, DeviceClock clock, ILogger log) =>
        RequireWhole(Database.Open(path, options, clock, log), path);

    private static Database RequireWhole(Database database, string path)
    {
        if (!Salvage.WasInterrupted(path))
            return database;
        database.Dispose();
        throw new ImageUseStoreException(
            StoreErrorReason.Corrupt, path, $"Could not open '{path}': a salvage of it was interrupted.");
    }

    /// <summary>
    /// Refuses or warns of a path with which SQLite would not find the log again: it derives the path of the log from
    /// the path by which it opens the database.
    /// </summary>
    private static void RequireSafePlace(string path, ILogger log)
    {
        const int longestName = 200; // NAME_MAX is 255 bytes, and a salvage appends the longest suffix.
        if (Encoding.UTF8.GetByteCount(Path.GetFileName(path)) > longestName)
            throw ImageUseStoreException.Unavailable(path,
                $"its name is longer than {longestName} bytes, which is too long for the names of the files beside "
                + "it. Choose a shorter one.");
        var status = FileStatus.Of(path);
        if (status is { IsMountPoint: true })
            throw ImageUseStoreException.Unavailable(path,
                "the file alone is mounted, so its log would be lost with the container. Mount the directory that "
                + "contains it.");
        if (status?.Links > 1 && !Directory.Exists(path))
            log.HasOtherNames(path, status.Value.Links - 1);
    }

    private static Database OpenReadOnly(
        string path, ImageUseStoreOptions options, DeviceClock clock, ILogger log)
    {
        try
        {
            return RequireWhole(Database.OpenReadOnly(path, options, clock, log), path);
        }
        catch (ImageUseStoreException damage) when (damage.Reason == StoreErrorReason.Corrupt)
        {
            throw new ImageUseStoreException(StoreErrorReason.Corrupt, path,
                $"{damage.Message} Nothing was changed. If you open it for writing, the damaged file is kept, and what "
                + "can be read is salvaged.",
                damage);
        }
    }

    private static bool CanSalvage(ImageUseStoreException damage)
    {
        try
        {
            return damage.Reason is StoreErrorReason.Corrupt or StoreErrorReason.NotOurs
                && (DatabaseFile.IsOurs(damage.DatabasePath) || DatabaseFile.IsBlank(damage.DatabasePath));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private static (Database Database, string? Salvaged) SalvageAndOpen(
        string path, ImageUseStoreOptions options, DeviceClock clock, ILogger log)
    {
        try
        {
            using var alone = DatabaseFile.LockDirectoryOf(path, options.BusyTimeout);
            try
            {
                // Another process may have salvaged it meanwhile.
                return (OpenWhole(path, options, clock, log), null);
            }
            catch (ImageUseStoreException damage) when (CanSalvage(damage))
            {
                var kept = Salvage.Replace(path, options, clock, damage, log);
                return (Database.Open(path, options, clock, log), kept);
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or SqliteException
            || (exception is ImageUseStoreException fresh && fresh.DatabasePath != path))
        {
            throw new ImageUseStoreException(
                (exception as ImageUseStoreException)?.Reason is StoreErrorReason.Full
                    ? StoreErrorReason.Full
                    : StorageFailure.ReasonOf(exception) ?? StoreErrorReason.Corrupt,
                path,
                $"Could not open '{path}': it is damaged, and replacing it failed: {exception.Message} "
                + "Nothing was deleted.",
                exception);
        }
    }
}
