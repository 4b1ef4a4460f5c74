namespace ImageGc.Benchmarks.Contenders;

/// <summary>The SQL of the store's prune. It must be the same text as in `ImageUseStore.Prune.cs`, statement by statement.</summary>
internal static class PruneSql
{
    public const long Earliest = 1_420_070_400;

    public const long HistorySeconds = 90 * 24 * 60 * 60;

    public const string CreateInUse = """
        DROP TABLE IF EXISTS temp.in_use;
        CREATE TEMP TABLE in_use (image_id TEXT NOT NULL PRIMARY KEY) WITHOUT ROWID;
        """;

    public const string InsertInUse = """
        INSERT OR IGNORE INTO temp.in_use (image_id)
        VALUES (@imageId)
        """;

    public const string RestampUsedNow = $"""
        UPDATE image_use
        SET last_used_at = @now
        WHERE ({InUse} OR last_used_at NOT BETWEEN @earliest AND @now)
        RETURNING image_id
        """;

    public const string DropOldRemoved = """
        DELETE FROM removed_image
        WHERE prune_run_id IN (SELECT prune_run_id FROM prune_run WHERE pruned_at < @tooOld)
        """;

    public const string DropOldRuns = """
        DELETE FROM prune_run
        WHERE pruned_at < @tooOld
        """;

    public const string InsertRun = """
        INSERT INTO prune_run (pruned_at, threshold_seconds, tracked, removed, failed)
        VALUES (@now, @seconds, (SELECT count(*) FROM image_use), 0, 0)
        RETURNING prune_run_id AS Id, tracked AS Tracked
        """;

    public const string KeepExpired = $"""
        INSERT INTO removed_image (prune_run_id, image_id, last_used_at, removed_at)
        SELECT @run, image_id, last_used_at, @now
        FROM image_use
        WHERE last_used_at <= @expiredAt AND NOT {InUse}
        """;

    public const string CountRemoved = """
        UPDATE prune_run
        SET removed = (SELECT count(*) FROM removed_image WHERE prune_run_id = @run)
        WHERE prune_run_id = @run
        """;

    public const string ForgetRemoved = """
        DELETE FROM image_use
        WHERE image_id IN (SELECT image_id FROM removed_image WHERE prune_run_id = @run)
        RETURNING image_id AS ImageId, last_used_at AS LastUsedAt
        """;

    private const string InUse = "image_id IN (SELECT image_id FROM temp.in_use)";
}
