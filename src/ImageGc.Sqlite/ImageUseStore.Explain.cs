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
        var least = RequireThreshold(threshold);
        var (rows, wall) = _database.Read("explain a prune", (connection, now) =>
        {
            BindInUse(connection, inUse);
            return (connection.Query<VerdictRow>(SelectVerdicts, ParametersOf(now, least)).AsList(), now.Wall);
        });
        return ThatAreImages(rows).ConvertAll(row => new PruneVerdict(
            row.ToImage(), Enum.Parse<PruneReason>(row.Reason), UnixTime.FromMillisecondsRounded(wall + row.ExpiresIn)));
    }

    private const string SelectVerdicts = $"""
        SELECT image_id AS ImageId,
               boot AS Boot,
               ran_at AS RanAt,
               last_used_at AS LastUsedAt,
               expires_in AS ExpiresIn,
               CASE WHEN in_use THEN 'InUse'
                    WHEN expires_in <= 0 THEN 'Expired'
                    WHEN old_by_the_wall THEN 'WaitsForClock'
                    ELSE 'UsedRecently' END AS Reason
        FROM (
            SELECT *,
                   {InUse} AS in_use,
                   CASE WHEN {InUse} THEN @threshold ELSE {ExpiresIn} END AS expires_in,
                   plausible AND last_used_at BETWEEN @earliest AND @wall - @threshold AS old_by_the_wall
            FROM {Uses}
        )
        ORDER BY last_used_at, image_id
        """;

    internal sealed class VerdictRow : Row
    {
        public long ExpiresIn { get; init; }

        public string Reason { get; init; } = "";
    }
}
