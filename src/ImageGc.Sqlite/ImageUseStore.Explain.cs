using Dapper;

namespace ImageGc.Sqlite;

public sealed partial class ImageUseStore
{
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
        var seconds = Seconds(RequireThreshold(threshold));
        var rows = _database.Run("explain a prune", (store: this, inUse, seconds), static (connection, args) =>
        {
            var (store, inUse, seconds) = args;
            using var rolledBack = Transaction.BeginDeferred(connection);
            var step = store._clock.Step();
            store.MoveStamps(connection, step);
            BindInUse(connection, inUse);
            var now = store._clock.Now(step);
            return connection.Query<VerdictRow>(SelectVerdicts,
                new { now, earliest = Earliest(now), expiredAt = now - seconds }).AsList();
        });
        return ThatAreImages(rows).ConvertAll(row => new PruneVerdict(
            new ImageUse(row.ImageId, At(row.LastUsedAt)),
            Enum.Parse<PruneReason>(row.Reason),
            At(row.CountsAsUsedAt + seconds)));
    }

    private const string SelectVerdicts = $"""
        SELECT image_id AS ImageId,
               last_used_at AS LastUsedAt,
               CASE WHEN {UsedNow} THEN @now ELSE last_used_at END AS CountsAsUsedAt,
               CASE WHEN {InUse} THEN 'InUse'
                    WHEN CASE WHEN {UsedNow} THEN @now ELSE last_used_at END <= @expiredAt THEN 'Expired'
                    ELSE 'UsedRecently' END AS Reason
        FROM image_use
        ORDER BY last_used_at, image_id
        """;

    internal sealed class VerdictRow : Row
    {
        public long CountsAsUsedAt { get; init; }

        public string Reason { get; init; } = "";
    }
}
