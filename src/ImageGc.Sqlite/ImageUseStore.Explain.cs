using Dapper;
using Microsoft.Data.Sqlite;

namespace ImageGc.Sqlite;

public sealed partial class ImageUseStore
{
    /// <summary>
    /// Returns what <see cref="Prune"/> would do now with every tracked image, and why; oldest use first. Modifies
    /// nothing and takes no write lock.
    /// </summary>
    /// <param name="inUseImageIds">The IDs of the images of all containers, including stopped ones.</param>
    /// <param name="options">Options of the prune to explain; read once.</param>
    /// <exception cref="ArgumentException">An argument is not valid, as for <see cref="Prune"/>.</exception>
    /// <exception cref="ImageUseStoreException">The images could not be read.</exception>
    public IReadOnlyList<PruneVerdict> ExplainPrune(IEnumerable<string> inUseImageIds, PruneOptions? options = null)
    {
        var request = RequestOf(inUseImageIds, options);
        var (rows, wall) = _database.Read("explain a prune", (connection, now) =>
        {
            BindListed(connection, request);
            return (SelectVerdicts(connection, ParametersOf(now, request.Threshold)), now.Wall);
        });
        return ToVerdicts(rows, wall);
    }

    private static List<VerdictRow> SelectVerdicts(SqliteConnection connection, DecisionParameters decision) =>
        connection.Query<VerdictRow>(SelectVerdict, decision).AsList();

    private List<PruneVerdict> ToVerdicts(List<VerdictRow> rows, long wall) =>
        WithoutBadRows(rows).ConvertAll(row => new PruneVerdict(
            row.ToImage(), Enum.Parse<PruneReason>(row.Reason),
            UnixTime.FromMillisecondsRounded(wall + row.ExpiresIn))
        {
            KeptBy = row.KeptBy,
        });

    /// <remarks>
    /// An image in use counts as used now, so it expires after the threshold. The reasons are the names of
    /// <see cref="PruneReason"/>.
    /// </remarks>
    private const string SelectVerdict = $"""
        SELECT image_id AS ImageId,
               boot AS Boot,
               ran_at AS RanAt,
               last_used_at AS LastUsedAt,
               expires_in AS ExpiresIn,
               kept_by AS KeptBy,
               names AS Names,
               coalesce(names_lost, 0) AS HasLostNames,
               size_bytes AS SizeBytes,
               CASE WHEN in_use THEN 'InUse'
                    WHEN kept_by IS NOT NULL THEN 'Kept'
                    WHEN expires_in <= 0 THEN 'Expired'
                    WHEN old_by_the_wall THEN 'WaitsForClock'
                    ELSE 'UsedRecently' END AS Reason
        FROM (
            SELECT use.*,
                   in_use,
                   kept_by,
                   names,
                   names_lost,
                   size_bytes,
                   CASE WHEN in_use THEN @threshold ELSE {ExpiresIn} END AS expires_in,
                   plausible AND last_used_at BETWEEN @earliest AND @wall - @threshold AS old_by_the_wall
            FROM {Uses}
            LEFT JOIN (SELECT *, kept_by IS NULL AS in_use FROM temp.listed) AS listed
                ON listed.image_id = use.image_id
            LEFT JOIN image_description ON image_description.image_id = use.image_id
        )
        ORDER BY last_used_at, image_id
        """;

    internal sealed class VerdictRow : Row
    {
        public long ExpiresIn { get; init; }

        public string Reason { get; init; } = "";

        public string? KeptBy { get; init; }
    }
}
