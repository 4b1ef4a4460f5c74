using Dapper;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging;

namespace ImageGc.Sqlite;

/// <summary>Replaces a damaged database of ours by what can be read of it, and keeps the damaged one.</summary>
internal static class Salvage
{
    // Enough for ten bad pages in a million rows, and about a second at the most.
    private const int MostScans = 20_000;

    private const string AfterEverything = "\U0010FFFF";

    /// <summary>
    /// Keeps the damaged files as `*.corrupt-&lt;utc&gt;` and puts a fresh database in their place that tracks every
    /// image that could be read, as used now. The caller holds <see cref="DatabaseFile.LockDirectoryOf"/>.
    /// </summary>
    /// <remarks>
    /// Every step leaves either the damaged database or the fresh one at <paramref name="path"/>, so that power loss at
    /// any moment makes the next start salvage again. The log moves first: it must never meet the fresh database.
    /// </remarks>
    public static void Heal(string path, TimeProvider time, ImageUseStoreException damage, ILogger log)
    {
        DatabaseFile.RequireNobodyElse(path, damage);

        var imageIds = ReadImageIds(path);
        var kept = $"{path}.corrupt-{time.GetUtcNow():yyyyMMdd'T'HHmmss'Z'}";
        while (Path.Exists(kept))
            kept += "+";
        var fresh = $"{kept}.salvaged";
        using (var store = ImageUseStore.Open(new ImageUseStoreOptions { DatabasePath = fresh }, time))
            store.RecordUse(imageIds);
        if (DatabaseFile.LengthOf($"{fresh}-wal") > 0)
            throw new ImageUseStoreException(StoreFailure.IoError, path, $"{damage.Message} Salvaging it failed: '{fresh}' could not be completed.", damage);

        if (File.Exists($"{path}-wal"))
            File.Move($"{path}-wal", $"{kept}-wal");
        File.Replace(fresh, path, kept);
        File.Delete($"{path}-shm");
        DatabaseFile.SyncDirectoryOf(path);
        log.Salvaged(path, damage.InnerException?.Message ?? damage.Message, kept, imageIds.Count);
    }

    private static HashSet<string> ReadImageIds(string path)
    {
        using var damaged = new SqliteConnection(new SqliteConnectionStringBuilder
        {
            DataSource = path,
            Mode = SqliteOpenMode.ReadWrite, // The log cannot be read without the right to write its index.
            Pooling = false,
        }.ToString());
        damaged.Open();
        SQLitePCL.raw.sqlite3_db_config(damaged.Handle, SQLitePCL.raw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, out _);

        // A scan ends at the first bad page. What lies behind it is reached by a scan that starts there: image IDs that
        // begin alike are neighbours, so ever longer beginnings close in on the bad pages from all sides.
        var imageIds = new HashSet<string>(StringComparer.Ordinal);
        var unread = new Queue<string>([""]);
        for (var scans = 0; scans < MostScans && unread.TryDequeue(out var beginning); scans++)
        {
            var end = beginning + AfterEverything;
            if (TryScan(damaged, beginning, end, imageIds))
                continue;
            for (var next = '!'; next <= '~'; next++)
                unread.Enqueue(beginning + next);
        }

        return imageIds;
    }

    private static bool TryScan(SqliteConnection damaged, string from, string to, HashSet<string> imageIds) =>
        TryScan(damaged, $"{ScanRange} ORDER BY image_id", from, to, imageIds)
        || TryScan(damaged, $"{ScanRange} ORDER BY image_id DESC", from, to, imageIds);

    private const string ScanRange = """
        SELECT image_id
        FROM image_use
        WHERE image_id BETWEEN @from AND @to
        """;

    private static bool TryScan(SqliteConnection damaged, string scan, string from, string to, HashSet<string> imageIds)
    {
        try
        {
            imageIds.UnionWith(damaged.Query<string>(scan, new { from, to }, buffered: false).Where(ImageId.IsValid));
            return true;
        }
        catch (SqliteException)
        {
            return false;
        }
    }
}
