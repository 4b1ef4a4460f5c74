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
        var (tracked, rows) = Stamp("prune the images", (connection, now) =>
        {
            var run = BeginPrune(connection, inUse, now, least);
            connection.Execute(RemoveExpired, new { run = run.Id, expiredAt = run.ExpiredAt, now });
            var forgotten = connection.Query<Row>(ForgetRemoved, new { run = run.Id }).AsList();
            forgotten.ForEach(row => _clock.Forgot(row.ImageId));
            return (run.Tracked, forgotten);
        });
        var expired = ToImages(rows);
        _log.Pruned(_database.Path, expired.Count, 0, 0, tracked - expired.Count, least);
        return [.. expired.OrderBy(image => image.LastUsedAt).ThenBy(image => image.ImageId, StringComparer.Ordinal)];
    }

    internal const string RemoveExpired = $"""
        INSERT INTO removed_image (prune_run_id, image_id, last_used_at, removed_at)
        SELECT @run, image_id, last_used_at, @now
        FROM image_use
        WHERE {Expired};

        UPDATE prune_run
        SET removed = (
            SELECT count(*)
            FROM removed_image
            WHERE prune_run_id = @run)
        WHERE prune_run_id = @run
        """;

    internal const string ForgetRemoved = """
        DELETE FROM image_use
        WHERE image_id IN (
            SELECT image_id
            FROM removed_image
            WHERE prune_run_id = @run)
        RETURNING image_id AS ImageId, last_used_at AS LastUsedAt
        """;

    private const string InUse = "image_id IN (SELECT image_id FROM temp.in_use)";

    /// <summary>By a clock that was wrong: in the future, or before the first edge runtime.</summary>
    private const string WronglyStamped = "last_used_at NOT BETWEEN @earliest AND @now";

    private const string UsedNow = $"({InUse} OR {WronglyStamped})";

    /// <summary>Holds after what counts as used now was re-stamped.</summary>
    private const string Expired = $"last_used_at <= @expiredAt AND NOT {InUse}";

    /// <summary>
    /// The part that every prune has in common: re-stamps what counts as used now, and begins the history.
    /// </summary>
    private BegunPrune BeginPrune(SqliteConnection connection, List<string> inUse, long now, TimeSpan threshold)
    {
        BindInUse(connection, inUse);
        foreach (var imageId in connection.Query<string>(RestampUsedNow, new { now, earliest = Earliest(now) }))
            _clock.Stamped(imageId, now);

        connection.Execute(DropOldHistory, new { tooOld = now - HistorySeconds });
        var begun = connection.QuerySingle<BegunRow>(
            InsertRun, new { now, seconds = Seconds(threshold) });
        return new BegunPrune(begun.Id, begun.Tracked, now - Seconds(threshold), _clock.Uses);
    }

    /// <remarks>
    /// Looks up each image that counts as used now, instead of looking up each image among those in use.
    /// </remarks>
    internal const string RestampUsedNow = $"""
        UPDATE image_use
        SET last_used_at = @now
        WHERE image_id IN (
            SELECT image_id
            FROM temp.in_use
            UNION ALL
            SELECT image_id
            FROM image_use
            WHERE {WronglyStamped})
        RETURNING image_id
        """;

    internal const string InsertRun = """
        INSERT INTO prune_run (pruned_at, threshold_seconds, tracked, removed, failed)
        VALUES (@now, @seconds, (SELECT count(*) FROM image_use), 0, 0)
        RETURNING prune_run_id AS Id, tracked AS Tracked
        """;

    private static void BindInUse(SqliteConnection connection, List<string> inUse)
    {
        connection.Execute(CreateInUse);
        using var insert = new PreparedStatement(connection, InsertInUse);
        inUse.ForEach(insert.Run);
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

    private static long Seconds(TimeSpan threshold) => (long)Math.Ceiling(threshold.TotalSeconds);

    private static long Earliest(long now) => now >= StampClock.EarliestBelievable ? StampClock.EarliestBelievable : 0;

    /// <param name="Id">Its row in the history.</param>
    /// <param name="Tracked">How many images are tracked.</param>
    /// <param name="ExpiredAt">A last use at this second or before has expired.</param>
    /// <param name="Uses">How many uses were stamped before.</param>
    private readonly record struct BegunPrune(long Id, long Tracked, long ExpiredAt, long Uses);

    internal sealed record BegunRow(long Id, long Tracked);
}
