using Dapper;
using Microsoft.Data.Sqlite;

namespace ImageGc.Sqlite;

public sealed partial class ImageUseStore
{
    /// <summary>
    /// The flat file's contract: records what is in use as used now, and returns the images that expired, oldest use
    /// first, which are forgotten when it returns. One transaction.
    /// </summary>
    /// <param name="inUseImageIds">
    /// The image ID of every container on the device, in whatever state. IDs that were never recorded are not adopted,
    /// and strings that are no image IDs are ignored (with a warning in the log); duplicates are fine.
    /// </param>
    /// <param name="options">How it differs from the regular prune; read once.</param>
    /// <remarks>
    /// An image expires when it is neither in use nor kept and the device demonstrably ran for the threshold since its
    /// last use, or the wall clock says so and can be believed (<see cref="ImageUseStoreOptions.ClockSettleTime"/>).
    /// An image that cannot be removed afterwards is forgotten all the same: prefer <see cref="PruneAsync"/>.
    /// </remarks>
    /// <exception cref="ArgumentException">
    /// The IDs or an option are not valid. Or an ID in use is not written as the tracked ones are, so that it would
    /// keep no image: see <see cref="PruneOptions.AllowOtherIdForms"/>. Nothing is changed.
    /// </exception>
    /// <exception cref="ImageUseStoreException">The prune could not be stored; nothing is forgotten.</exception>
    public IReadOnlyList<ImageUse> Prune(IEnumerable<string> inUseImageIds, PruneOptions? options = null)
    {
        var request = RequestOf(inUseImageIds, options);
        var run = Begin(request, (connection, decision, run) =>
        {
            connection.Execute(RemoveExpired, decision with { Run = run.Id });
            return connection.Query<Row>(ForgetExpired, new { run = run.Id })
                .OrderBy(row => row.LastUsedAt).ThenBy(row => row.ImageId, StringComparer.Ordinal);
        });
        _log.Pruned(
            _database.Path, run.Expired.Count, "", 0, 0, run.Tracked - run.Expired.Count,
            DurationText.Format(request.Threshold));
        return run.Expired;
    }

    internal const string RemoveExpired = $"""
        INSERT INTO removed_image (prune_run_id, image_id, last_used_at, removed_at, names, size_bytes)
        SELECT @run, use.image_id, min(max(0, last_used_at / 1000), 253402300799), @wallSeconds, names, size_bytes
        FROM {Uses}
        LEFT JOIN image_description ON image_description.image_id = use.image_id
        WHERE {Expired};

        UPDATE prune_run
        SET removed = changes()
        WHERE prune_run_id = @run
        """;

    internal const string ForgetExpired = """
        DELETE FROM image_use
        WHERE image_id IN (
            SELECT image_id
            FROM removed_image
            WHERE prune_run_id = @run)
        RETURNING image_id AS ImageId,
                  boot AS Boot,
                  ran_at AS RanAt,
                  ran_at + (
                      SELECT began_at - ran_before
                      FROM boot
                      WHERE boot.boot = image_use.boot) AS LastUsedAt,
                  (SELECT names
                   FROM removed_image
                   WHERE prune_run_id = @run
                     AND removed_image.image_id = image_use.image_id) AS Names,
                  (SELECT size_bytes
                   FROM removed_image
                   WHERE prune_run_id = @run
                     AND removed_image.image_id = image_use.image_id) AS SizeBytes
        """;

    /// <summary>
    /// The part that every prune has in common: records what is in use as used now, begins the history, and decides.
    /// </summary>
    private BegunPrune Begin(
        PruneRequest request, Func<SqliteConnection, DecisionParameters, RunRow, IEnumerable<Row>> takeExpired)
    {
        var (begun, rows, verdictRows, wall) = WriteAfterBacklog("prune the images", (connection, now) =>
        {
            var decision = ParametersOf(now, request.Threshold);
            BindListed(connection, request);
            connection.Execute(RecordInUse, decision);
            connection.Execute(
                DropOldHistory, new { tooOld = now.WallSeconds - HistorySeconds, historyRuns = HistoryRuns });
            var run = InsertPruneRun(connection, new BegunPrune(request, now.WallSeconds));
            var verdicts = request.Decided is null ? [] : SelectVerdicts(connection, decision);
            return (run, takeExpired(connection, decision, run).ToList(), verdicts, now.Wall);
        });
        request.Decided?.Invoke(ToVerdicts(verdictRows, wall));
        return new BegunPrune(request, wall / 1000)
        {
            Id = begun.Id,
            Tracked = begun.Tracked,
            Expired = ToImages(rows),
        };
    }

    private static RunRow InsertPruneRun(SqliteConnection connection, BegunPrune run) =>
        connection.QuerySingle<RunRow>(InsertRun, new
        {
            wallSeconds = run.BeganAt,
            seconds = Seconds(run.Request.Threshold),
            kind = run.Request.Kind,
        });

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
            FROM temp.listed
            WHERE kept_by IS NULL
            UNION ALL
            SELECT image_id
            FROM image_use
            WHERE {MustBeRewritten})
        """;

    internal const string InsertRun = """
        INSERT INTO prune_run (pruned_at, threshold_seconds, kind, tracked, removed, failed)
        VALUES (@wallSeconds, @seconds, @kind, (SELECT count(*) FROM image_use), 0, 0)
        RETURNING prune_run_id AS Id, tracked AS Tracked
        """;

    private const string Expired = $"{ExpiresIn} <= 0 AND use.image_id NOT IN (SELECT image_id FROM temp.listed)";

    /// <summary>A prune, and what it decided.</summary>
    private sealed class BegunPrune(PruneRequest request, long beganAt)
    {
        public PruneRequest Request { get; } = request;

        /// <summary>Unix seconds.</summary>
        public long BeganAt { get; } = beganAt;

        /// <summary>Its row in the history; null while there is no room for it.</summary>
        public long? Id { get; set; }

        /// <summary>How many images are tracked.</summary>
        public long Tracked { get; init; }

        /// <summary>Oldest use first.</summary>
        public List<ImageUse> Expired { get; init; } = [];
    }

    internal sealed record RunRow(long Id, long Tracked);
}
