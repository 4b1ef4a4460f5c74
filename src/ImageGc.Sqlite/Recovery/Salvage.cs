using Dapper;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging;

namespace ImageGc.Sqlite;

/// <summary>Replaces a damaged database of ours by what can be read of it, and keeps the damaged one.</summary>
internal static class Salvage
{
    /// <summary>
    /// Keeps the damaged files as `*.corrupt-&lt;utc&gt;` and puts a fresh database in their place that tracks every
    /// image that could be read, as used now, with what was kept by hand. The caller holds
    /// <see cref="DatabaseFile.LockDirectoryOf"/>.
    /// </summary>
    /// <returns>Where the damaged database is kept, or null if there was nothing in it.</returns>
    public static string? Replace(
        string path, ImageUseStoreOptions options, DeviceClock clock, ImageUseStoreException damage, ILogger log)
    {
        DatabaseFile.RequireNobodyElse(path, options.BusyTimeout, damage);

        var imageIds = DamagedPages.ReadImageIds(path, LogsOf(path));
        if (imageIds.Count == 0 && DatabaseFile.IsBlank(path))
        {
            // Power loss while it was being created: a file of no length is created anew.
            using var blank = DatabaseFile.OpenClosed(path, FileAccess.Write);
            blank.SetLength(0);
            return null;
        }

        var keptByHand = ReadKeptByHand(path);
        var kept = $"{path}.corrupt-{UnixTime.FromMilliseconds(clock.Read().Wall):yyyyMMdd'T'HHmmss'Z'}";
        while (Path.Exists(kept) || Path.Exists($"{kept}-wal"))
            kept += "+";
        var fresh = $"{path}.salvaged";
        Delete(fresh); // Power loss may have left one that is unfinished.
        try
        {
            WriteFresh(fresh, imageIds, keptByHand ?? [], clock, log);
        }
        catch
        {
            Delete(fresh);
            throw;
        }

        foreach (var _ in PutInPlace(fresh, path, kept))
            DatabaseFile.SyncDirectoryOf(path);
        log.Salvaged(path, damage.InnerException?.Message ?? damage.Message, kept, imageIds.Count);
        if (keptByHand is null)
            log.KeptByHandLost(path);
        return kept;
    }

    /// <summary>Changes the directory step by step; the caller makes each of them survive power loss.</summary>
    /// <remarks>
    /// At every step <paramref name="path"/> is the damaged database or the fresh one, so that the next start salvages
    /// again. The log moves first: it must never meet the fresh database.
    /// </remarks>
    internal static IEnumerable<string> PutInPlace(string fresh, string path, string kept)
    {
        if (File.Exists($"{path}-wal"))
        {
            File.Move($"{path}-wal", $"{kept}-wal");
            yield return "the log is kept";
        }

        File.Replace(fresh, path, kept); // A second name for the damaged one, and then the rename.
        yield return "the database is replaced";
        File.Delete($"{path}-shm");
    }

    /// <summary>The log, and those that a salvage kept before power loss ended it.</summary>
    private static IEnumerable<string> LogsOf(string path)
    {
        if (File.Exists($"{path}-wal"))
            yield return $"{path}-wal";
        foreach (var log in Directory.EnumerateFiles(
            Path.GetDirectoryName(path)!, $"{Path.GetFileName(path)}.corrupt-*-wal"))
        {
            var replaced = FileStatus.Of(log[..^"-wal".Length]);
            if (replaced is null || replaced.Value.Identity == FileStatus.Of(path)?.Identity)
                yield return log;
        }
    }

    private static void Delete(string fresh)
    {
        foreach (var file in (string[])[fresh, $"{fresh}-wal", $"{fresh}-shm"])
            File.Delete(file);
    }

    /// <returns>Null if the damage does not let it be read.</returns>
    private static List<KeptRow>? ReadKeptByHand(string path)
    {
        var file = new SqliteConnectionStringBuilder
        {
            DataSource = path,
            Mode = SqliteOpenMode.ReadOnly,
            Pooling = false,
        };
        try
        {
            using var damaged = new SqliteConnection(file.ToString());
            damaged.Open();
            return [.. damaged.Query<KeptRow>("""
                SELECT CAST(pattern AS TEXT) AS Pattern,
                       CAST(kept_utc AS TEXT) AS KeptUtc
                FROM kept_image
                """).Where(row => ImageId.IsValid(row.Pattern))];
        }
        catch (SqliteException none) when (none.Message.Contains("no such table", StringComparison.Ordinal))
        {
            return []; // It is older than that table.
        }
        catch (SqliteException)
        {
            return null;
        }
    }

    private static void WriteFresh(
        string path, IEnumerable<string> imageIds, List<KeptRow> kept, DeviceClock clock, ILogger log)
    {
        DatabaseFile.CreateIfMissing(path);
        using (var fresh = Database.Open(path, new ImageUseStoreOptions { DatabasePath = path }, clock, log))
        {
            fresh.Write("salvage the images", (connection, now) => connection.Execute(InsertUsedNow,
                imageIds.Select(imageId => new { imageId, boot = now.Boot, ran = now.Ran })));
            fresh.Write("salvage what is kept", (connection, _) => connection.Execute(InsertKept,
                kept.Select(row => new { pattern = row.Pattern, keptUtc = row.KeptUtc })));
        }

        if (DatabaseFile.LengthOf($"{path}-wal") > 0)
            throw new IOException($"'{path}' could not be completed.");
    }

    private const string InsertUsedNow = """
        INSERT INTO image_use (image_id, boot, ran_at)
        VALUES (@imageId, @boot, @ran)
        """;

    private const string InsertKept = """
        INSERT OR IGNORE INTO kept_image (pattern, kept_utc)
        VALUES (@pattern, coalesce(@keptUtc, 'unknown'))
        """;

    internal sealed record KeptRow(string Pattern, string? KeptUtc);
}
