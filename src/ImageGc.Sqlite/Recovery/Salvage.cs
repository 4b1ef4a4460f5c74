using Dapper;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging;

namespace ImageGc.Sqlite;

/// <summary>Replaces a damaged database with what can be read of it, and keeps the damaged files.</summary>
internal static class Salvage
{
    /// <summary>
    /// Renames the damaged files to `*.corrupt-&lt;utc&gt;`, and puts a new database in their place. It tracks every
    /// image that could be read, as used now, and has the patterns that were kept by hand. The caller holds
    /// <see cref="DatabaseFile.LockDirectoryOf"/>.
    /// </summary>
    /// <returns>The path of the damaged database, or null if it contained nothing.</returns>
    public static string? Replace(
        string path, ImageUseStoreOptions options, DeviceClock clock, ImageUseStoreException damage, ILogger log)
    {
        DatabaseFile.RequireNoOtherProcess(path, options.BusyTimeout, damage);

        var imageIds = DamagedPages.ReadImageIds(
            path, MovedLogsOf(path).Append($"{path}-wal").Where(File.Exists));
        if (imageIds.Count == 0 && DatabaseFile.IsBlank(path))
        {
            // Power failed while the file was being created. SQLite treats an empty file as a new database.
            using var blank = DatabaseFile.OpenClosed(path, FileAccess.Write);
            blank.SetLength(0);
            return null;
        }

        var keptByHand = ReadKeptByHand(path);
        var kept = $"{path}.corrupt-{UnixTime.FromMilliseconds(clock.Read().Wall):yyyyMMdd'T'HHmmss'Z'}";
        while (Path.Exists(kept) || Path.Exists($"{kept}-wal"))
            kept += "+";
        var fresh = $"{path}.salvaged";
        Delete(fresh); // Power loss may have left an unfinished one.
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

    /// <summary>Swaps the files in steps. The caller syncs the directory after each step.</summary>
    /// <remarks>
    /// The log is moved first, because SQLite would apply it to the new database. Until it gets its last name, it marks
    /// the salvage as interrupted, so that after power loss the next start salvages again: the database can be sound
    /// without its log.
    /// </remarks>
    internal static IEnumerable<string> PutInPlace(string fresh, string path, string kept)
    {
        if (File.Exists($"{path}-wal"))
        {
            File.Move($"{path}-wal", FreeName(MovedLog(path)));
            yield return "the log is moved";
        }

        File.Replace(fresh, path, kept); // On Unix: links the damaged file to its new name, then renames the new one.
        yield return "the database is replaced";
        foreach (var log in MovedLogsOf(path).Reverse()) // The one that marks the salvage as interrupted goes last.
        {
            File.Move(log, FreeName($"{kept}-wal"));
            yield return "the log is kept";
        }

        File.Delete($"{path}-shm");
    }

    /// <summary>Returns whether power loss or a crash interrupted a salvage after it had moved the log.</summary>
    public static bool WasInterrupted(string path) => File.Exists(MovedLog(path));

    private static string MovedLog(string path) => $"{path}.damaged-wal";

    /// <summary>Returns the logs that interrupted salvages have moved, the first one first.</summary>
    private static IEnumerable<string> MovedLogsOf(string path)
    {
        for (var log = MovedLog(path); File.Exists(log); log += "+")
            yield return log;
    }

    private static string FreeName(string name)
    {
        while (Path.Exists(name))
            name += "+";
        return name;
    }

    private static void Delete(string fresh)
    {
        foreach (var file in (string[])[fresh, $"{fresh}-wal", $"{fresh}-shm"])
            File.Delete(file);
    }

    /// <returns>The patterns that were kept by hand, or null if they cannot be read.</returns>
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
            return []; // The database is older than this table.
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
            fresh.Write("salvage the kept patterns", (connection, _) => connection.Execute(InsertKept,
                kept.Select(row => new { pattern = row.Pattern, keptUtc = row.KeptUtc })));
        }

        // Closing moves the log into the file. If that failed, the images would stay behind in a log of another name.
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
