using Dapper;
using Microsoft.Data.Sqlite;

namespace ImageGc.Sqlite;

public sealed partial class ImageUseStore
{
    /// <summary>
    /// The flat file's contract: re-stamps the tracked images that are in use, and returns the ones that expired,
    /// oldest use first, which are forgotten when it returns. One transaction.
    /// </summary>
    /// <param name="inUseImageIds">
    /// The image ID of every container on the device, in whatever state. IDs that were never recorded are not adopted,
    /// and strings that are no image IDs are ignored (with a warning in the log); duplicates are fine.
    /// </param>
    /// <param name="threshold">
    /// Replaces <see cref="ImageUseStoreOptions.ImageAgeCleanupThreshold"/> for this call; zero expires everything that
    /// is not in use.
    /// </param>
    /// <remarks>
    /// An image expires when it is not in use and now minus its last use, in whole seconds, is at least the threshold.
    /// A stamp that only a wrong clock can have written, later than now or before 2015, counts as used now.
    /// An image that cannot be removed afterwards is forgotten all the same: prefer
    /// <see cref="PruneAsync(IEnumerable{string}, Func{ImageUse, CancellationToken, Task}, CancellationToken)"/>.
    /// </remarks>
    /// <exception cref="ArgumentException">The IDs are null, or the threshold is negative.</exception>
    /// <exception cref="ImageUseStoreException">The prune could not be stored; nothing is forgotten.</exception>
    public IReadOnlyList<ImageUse> Prune(IEnumerable<string> inUseImageIds, TimeSpan? threshold = null)
    {
        var inUse = KeepImageIds(inUseImageIds);
        var least = RequireThreshold(threshold);
        var run = _database.Write("prune the images", (connection, now) =>
        {
            var run = BeginPrune(connection, inUse, now, least);
            connection.Execute(RemoveExpired, new { run = run.Id, wallSeconds = now.WallSeconds });
            return run;
        });
        var expired = ToImages(run.Expired);
        _log.Pruned(_database.Path, expired.Count, 0, 0, run.Tracked - expired.Count, least);
        return expired;
    }

    /// <remarks>
    /// What expired stands in a table of its own for as long as the transaction lasts, so that the rule is asked once.
    /// </remarks>
    internal const string SelectExpired = $"""
        DROP TABLE IF EXISTS temp.expired;
        CREATE TEMP TABLE expired AS
        SELECT image_id, boot, ran_at, last_used_at
        FROM {Uses}
        WHERE {ExpiresIn} <= 0
          AND NOT {InUse};

        SELECT image_id AS ImageId, boot AS Boot, ran_at AS RanAt, last_used_at AS LastUsedAt
        FROM temp.expired
        ORDER BY last_used_at, image_id
        """;

    internal const string RemoveExpired = """
        INSERT INTO removed_image (prune_run_id, image_id, last_used_at, removed_at)
        SELECT @run, image_id, max(0, last_used_at / 1000), @wallSeconds
        FROM temp.expired;

        UPDATE prune_run
        SET removed = (SELECT count(*) FROM temp.expired)
        WHERE prune_run_id = @run;

        DELETE FROM image_use
        WHERE image_id IN (SELECT image_id FROM temp.expired)
        """;

    private const string InUse = "image_id IN (SELECT image_id FROM temp.in_use)";

    /// <summary>
    /// The part that every prune has in common: records what is in use as used now, begins the history, and decides.
    /// </summary>
    private BegunRun BeginPrune(SqliteConnection connection, List<string> inUse, Now now, TimeSpan threshold)
    {
        var decision = ParametersOf(now, threshold);
        BindInUse(connection, inUse);
        connection.Execute(RecordInUse, decision);
        connection.Execute(
            DropOldHistory, new { tooOld = now.WallSeconds - HistorySeconds, historyRuns = HistoryRuns });
        var (run, tracked) = connection.QuerySingle<BegunRow>(
            InsertRun, new { wallSeconds = now.WallSeconds, seconds = Seconds(threshold) });
        return new BegunRun(run, tracked, connection.Query<Row>(SelectExpired, decision).AsList());
    }

    /// <remarks>
    /// Looks up each image that counts as used now, instead of looking up each image among those in use.
    /// </remarks>
    internal const string RecordInUse = $"""
        UPDATE image_use
        SET boot = @boot,
            ran_at = CASE WHEN boot = @boot AND ran_at <= @latestRan
                          THEN max(@ran, ran_at + 1)
                          ELSE @ran END
        WHERE image_id IN (
            SELECT image_id
            FROM temp.in_use
            UNION ALL
            SELECT image_id
            FROM image_use
            WHERE {MustBeRewritten})
        """;

    internal const string InsertRun = """
        INSERT INTO prune_run (pruned_at, threshold_seconds, tracked, removed, failed)
        VALUES (@wallSeconds, @seconds, (SELECT count(*) FROM image_use), 0, 0)
        RETURNING prune_run_id AS Id, tracked AS Tracked
        """;

    private static void BindInUse(SqliteConnection connection, List<string> inUse)
    {
        connection.Execute(CreateInUse);
        using var insert = new PreparedStatement(connection, InsertInUse);
        inUse.ForEach(imageId => insert.Run(imageId));
    }

    internal const string CreateInUse = """
        DROP TABLE IF EXISTS temp.in_use;
        CREATE TEMP TABLE in_use (image_id TEXT NOT NULL PRIMARY KEY) WITHOUT ROWID;
        """;

    internal const string InsertInUse = """
        INSERT OR IGNORE INTO temp.in_use (image_id)
        VALUES (@imageId)
        """;

    private List<string> KeepImageIds(IEnumerable<string> inUseImageIds)
    {
        ArgumentNullException.ThrowIfNull(inUseImageIds);
        var imageIds = inUseImageIds.ToLookup(ImageId.IsValid);
        if (imageIds[false].Any())
            _log.IgnoredInUse(imageIds[false].Count(), ImageId.Quote(imageIds[false].First() ?? "null"));
        return [.. imageIds[true]];
    }

    private TimeSpan RequireThreshold(TimeSpan? threshold)
    {
        if (threshold is { } given)
            ImageUseStoreOptions.RequireThreshold(given, nameof(threshold));
        return threshold ?? _threshold;
    }

    /// <param name="Id">Its row in the history.</param>
    /// <param name="Tracked">How many images are tracked.</param>
    /// <param name="Expired">Oldest use first.</param>
    private sealed record BegunRun(long Id, long Tracked, List<Row> Expired);

    internal sealed record BegunRow(long Id, long Tracked);
}
