using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging;

namespace ImageGc.Sqlite;

/// <summary>Opens the database of a store, and salvages it first where it is damaged and provably ours.</summary>
internal static class DatabaseOpener
{
    /// <returns>
    /// The database, and where the damaged one is kept whose place it took, or null if it was not damaged.
    /// </returns>
    public static (Database Database, string? Salvaged) Open(
        ImageUseStoreOptions options, DeviceClock clock, ILogger log)
    {
        // SQLite keeps its log beside the file itself, not beside a link to it.
        var path = DatabaseFile.RealPathOf(Path.GetFullPath(options.DatabasePath));
        ConnectionFactory.RequireSafeSqlite(path);
        if (options.ReadOnly)
            return (OpenReadOnly(path, options, clock, log), null);

        ConnectionFactory.CreateFile(path);
        try
        {
            return (Database.Open(path, options, clock, log), null);
        }
        catch (ImageUseStoreException damage) when (CanSalvage(damage))
        {
            return SalvageAndOpen(path, options, clock, log);
        }
    }

    private static Database OpenReadOnly(
        string path, ImageUseStoreOptions options, DeviceClock clock, ILogger log)
    {
        try
        {
            return Database.OpenReadOnly(path, options, clock, log);
        }
        catch (ImageUseStoreException damage) when (damage.Reason == StoreErrorReason.Corrupt)
        {
            throw new ImageUseStoreException(StoreErrorReason.Corrupt, path,
                $"{damage.Message} Nothing was changed. Opened for writing, the damaged file is kept and what can be "
                + "read is salvaged.",
                damage);
        }
    }

    private static bool CanSalvage(ImageUseStoreException damage)
    {
        try
        {
            return damage.Reason is StoreErrorReason.Corrupt or StoreErrorReason.NotOurs
                && DatabaseFile.IsOursOrBlank(damage.DatabasePath);
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
                return (Database.Open(path, options, clock, log), null);
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
            var full = exception is ImageUseStoreException { Reason: StoreErrorReason.Full };
            throw new ImageUseStoreException(full ? StoreErrorReason.Full : StoreErrorReason.Corrupt, path,
                $"Could not open '{path}': it is damaged, and replacing it failed: {exception.Message} "
                + "Nothing was deleted.",
                exception);
        }
    }
}
