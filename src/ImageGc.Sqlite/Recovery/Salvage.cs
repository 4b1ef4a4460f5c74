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
    /// <returns>Where the damaged database is kept.</returns>
    public static string Replace(
        string path, ImageUseStoreOptions options, DeviceClock clock, ImageUseStoreException damage, ILogger log)
    {
        DatabaseFile.RequireNobodyElse(path, options.BusyTimeout, damage);

        var imageIds = ReadImageIds(path);
        var kept = $"{path}.corrupt-{UnixTime.FromMilliseconds(clock.Read().Wall):yyyyMMdd'T'HHmmss'Z'}";
        while (Path.Exists(kept))
            kept += "+";
        var fresh = $"{kept}.salvaged";
        try
        {
            WriteFresh(fresh, imageIds, clock, log);
        }
        catch
        {
            // Each try would leave another one behind, on a disk that may be full.
            foreach (var unfinished in (string[])[fresh, $"{fresh}-wal", $"{fresh}-shm"])
                File.Delete(unfinished);
            throw;
        }

        if (File.Exists($"{path}-wal"))
            File.Move($"{path}-wal", $"{kept}-wal");
        File.Replace(fresh, path, kept);
        File.Delete($"{path}-shm");
        DatabaseFile.SyncDirectoryOf(path);
        log.Salvaged(path, damage.InnerException?.Message ?? damage.Message, kept, imageIds.Count);
        return kept;
    }

    private static void WriteFresh(string path, IEnumerable<string> imageIds, DeviceClock clock, ILogger log)
    {
        DatabaseFile.CreateIfMissing(path);
        using (var fresh = Database.Open(path, new ImageUseStoreOptions { DatabasePath = path }, clock, log))
        {
            fresh.Write("salvage the images", (connection, now) => connection.Execute(InsertUsedNow,
                imageIds.Select(imageId => new { imageId, boot = now.Boot, ran = now.Ran })));
        }

        if (DatabaseFile.LengthOf($"{path}-wal") > 0)
            throw new IOException($"'{path}' could not be completed.");
    }

    private const string InsertUsedNow = """
        INSERT INTO image_use (image_id, boot, ran_at)
        VALUES (@imageId, @boot, @ran)
        """;

    private static HashSet<string> ReadImageIds(string path)
    {
        using var damaged = new FailFastConnection(new SqliteConnectionStringBuilder
        {
            DataSource = path,
            Mode = SqliteOpenMode.ReadWrite, // The log cannot be read without the right to write its index.
            Pooling = false,
        }.ToString());
        damaged.Open();
        SQLitePCL.raw.sqlite3_db_config(damaged.Handle, SQLitePCL.raw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, out _);

        // A scan ends at the first bad page it meets, so each gap between what an ascending and a descending scan read
        // is cut into smaller ones, until the scans of a gap find nothing new: then it is the bad page itself.
        var imageIds = new HashSet<string>(StringComparer.Ordinal);
        var gaps = new Queue<(string From, string To)>([("", AfterEverything)]);
        for (var scans = 0; scans < MostScans && gaps.TryDequeue(out var gap); scans++)
        {
            var known = imageIds.Count;
            if (Scan(damaged, "ASC", ref gap.From, gap, imageIds) || Scan(damaged, "DESC", ref gap.To, gap, imageIds))
                continue;
            if (imageIds.Count > known)
                Cut(gap, imageIds, gaps);
        }

        return imageIds;
    }

    /// <summary>Reads a gap from one of its ends and moves that end to the last row read.</summary>
    /// <returns>Whether there is no gap left.</returns>
    private static bool Scan(
        SqliteConnection damaged, string order, ref string end, (string From, string To) gap, HashSet<string> imageIds)
    {
        try
        {
            foreach (var imageId in damaged.Query<string>(
                $"{ScanGap} ORDER BY image_id {order}", new { from = gap.From, to = gap.To }, buffered: false))
            {
                if (!ImageId.IsValid(imageId))
                    continue;
                imageIds.Add(imageId);
                end = imageId;
            }

            return true;
        }
        catch (SqliteException)
        {
            return false;
        }
    }

    private const string ScanGap = """
        SELECT image_id
        FROM image_use
        WHERE image_id BETWEEN @from AND @to
        """;

    /// <summary>Cuts where IDs that share the beginning of an end of the gap go on with another character.</summary>
    private static void Cut((string From, string To) gap, HashSet<string> imageIds,
        Queue<(string From, string To)> gaps)
    {
        var common = gap.From.Zip(gap.To).TakeWhile(pair => pair.First == pair.Second).Count();
        var characters = imageIds.Take(1000).SelectMany(imageId => imageId).Distinct().ToList();
        var cuts =
            from end in (string[])[gap.From, gap.To]
            from length in Enumerable.Range(common, 3)
            where length <= end.Length
            from character in characters
            let cut = end[..length] + character
            where string.CompareOrdinal(gap.From, cut) < 0 && string.CompareOrdinal(cut, gap.To) < 0
            select cut;

        var from = gap.From;
        foreach (var cut in cuts.Distinct().Order(StringComparer.Ordinal).Append(gap.To))
        {
            gaps.Enqueue((from, cut));
            from = cut;
        }
    }
}
