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
    /// </remarks>
    /// <exception cref="ArgumentException">The IDs are null, or the threshold is negative.</exception>
    /// <exception cref="ImageUseStoreException">The prune could not be stored; nothing is forgotten.</exception>
    public IReadOnlyList<ImageUse> Prune(IEnumerable<string> inUseImageIds, TimeSpan? threshold = null)
    {
        var inUse = KeepImageIds(inUseImageIds);
        var least = RequireThreshold(threshold);
        var (expired, tracked) = _database.Write("prune the images", connection =>
        {
            var at = PruneAt(Now(), least);
            BindInUse(connection, inUse);
            connection.Execute(RestampUsed, new { now = at.Now, earliest = at.Earliest });
            var expired = ToImages(connection.Query<Row>(ForgetExpired, new { expiredAt = at.ExpiredAt }));
            return (expired, connection.ExecuteScalar<long>("SELECT count(*) FROM image_use"));
        });
        _log.Pruned(_database.Path, expired.Count, tracked, least);
        return [.. expired.OrderBy(image => image.LastUsedAt).ThenBy(image => image.ImageId, StringComparer.Ordinal)];
    }

    /// <summary>
    /// What <see cref="Prune"/> would do now with every tracked image, and why; oldest use first. Changes nothing.
    /// </summary>
    /// <param name="inUseImageIds">As <see cref="Prune"/> takes them.</param>
    /// <param name="threshold">As <see cref="Prune"/> takes it.</param>
    /// <exception cref="ArgumentException">The IDs are null, or the threshold is negative.</exception>
    /// <exception cref="ImageUseStoreException">The images could not be read.</exception>
    public IReadOnlyList<PruneVerdict> ExplainPrune(IEnumerable<string> inUseImageIds, TimeSpan? threshold = null)
    {
        var inUse = KeepImageIds(inUseImageIds);
        var least = RequireThreshold(threshold);
        return _database.Run("explain a prune", (store: this, inUse, least), static (connection, args) =>
            args.store.Explain(connection, args.inUse, args.least));
    }

    private List<PruneVerdict> Explain(SqliteConnection connection, List<string> inUse, TimeSpan threshold)
    {
        var at = PruneAt(Now(), threshold);
        using var rolledBack = connection.BeginTransaction(deferred: true);
        BindInUse(connection, inUse);
        var rows = connection.Query<VerdictRow>(
            SelectVerdicts, new { now = at.Now, earliest = at.Earliest, expiredAt = at.ExpiredAt }).AsList();
        return [.. rows.Zip(ToImages(rows.Select(row => new Row(row.ImageId, row.LastUsedAt))), (row, image) =>
            new PruneVerdict(image, Enum.Parse<PruneReason>(row.Reason), Stamp(row.CountsAsUsedAt, at.ThresholdSeconds)))];
    }

    private static DateTimeOffset Stamp(long usedAt, long thresholdSeconds) => usedAt + thresholdSeconds > LatestStamp
        ? DateTimeOffset.MaxValue
        : DateTimeOffset.FromUnixTimeSeconds(usedAt + thresholdSeconds);

    private static PruneMoment PruneAt(long now, TimeSpan threshold)
    {
        var seconds = (long)Math.Ceiling(threshold.TotalSeconds);
        var earliest = now >= FlatFile.EarliestBelievable ? FlatFile.EarliestBelievable : 0;
        return new PruneMoment(now, earliest, now - seconds, seconds);
    }

    private TimeSpan RequireThreshold(TimeSpan? threshold)
    {
        if (threshold is { } given)
            ImageUseStoreOptions.RequireThreshold(given, nameof(threshold));
        return threshold ?? _threshold;
    }

    private List<string> KeepImageIds(IEnumerable<string> inUseImageIds)
    {
        ArgumentNullException.ThrowIfNull(inUseImageIds);
        var lookup = inUseImageIds.ToLookup(ImageId.IsValid);
        if (lookup[false].FirstOrDefault() is var first && lookup[false].Any())
            _log.IgnoredInUse(lookup[false].Count(), first ?? "null");
        return [.. lookup[true]];
    }

    private static void BindInUse(SqliteConnection connection, List<string> inUse)
    {
        connection.Execute("""
            DROP TABLE IF EXISTS temp.in_use;
            CREATE TEMP TABLE in_use (image_id TEXT NOT NULL PRIMARY KEY) WITHOUT ROWID;
            """);
        connection.Execute("""
            INSERT OR IGNORE INTO temp.in_use (image_id)
            VALUES (@imageId)
            """, inUse.Select(imageId => new { imageId }));
    }

    private const string InUse = "image_id IN (SELECT image_id FROM temp.in_use)";
    private const string CannotBeTrue = "last_used_at NOT BETWEEN @earliest AND @now";
    private const string OldEnough = "last_used_at <= @expiredAt";

    private const string RestampUsed = $"""
        UPDATE image_use
        SET last_used_at = @now
        WHERE {InUse}
           OR {CannotBeTrue}
        """;

    private const string ForgetExpired = $"""
        DELETE FROM image_use
        WHERE {OldEnough}
          AND NOT {InUse}
        RETURNING image_id AS ImageId, last_used_at AS LastUsedAt
        """;

    private const string SelectVerdicts = $"""
        SELECT image_id AS ImageId,
               last_used_at AS LastUsedAt,
               CASE WHEN {InUse} OR {CannotBeTrue} THEN @now ELSE last_used_at END AS CountsAsUsedAt,
               CASE WHEN {InUse} THEN 'InUse'
                    WHEN {CannotBeTrue} THEN CASE WHEN @now <= @expiredAt THEN 'Expired' ELSE 'UsedRecently' END
                    WHEN {OldEnough} THEN 'Expired'
                    ELSE 'UsedRecently' END AS Reason
        FROM image_use
        ORDER BY last_used_at, image_id
        """;

    /// <summary>The parameters of a decision, all in seconds.</summary>
    private sealed record PruneMoment(long Now, long Earliest, long ExpiredAt, long ThresholdSeconds);

    /// <summary>Set by name, for in an empty result SQLite gives the expressions no type to choose a constructor by.</summary>
    private sealed class VerdictRow
    {
        public string ImageId { get; init; } = "";

        public long LastUsedAt { get; init; }

        public long CountsAsUsedAt { get; init; }

        public string Reason { get; init; } = "";
    }
}
