using Dapper;
using Microsoft.Data.Sqlite;

namespace ImageGc.Sqlite;

public sealed partial class ImageUseStore
{
    /// <summary>
    /// Records the images in use as used now, forgets the images that expired, and returns those, oldest use first, for
    /// you to remove. Azure IoT Edge's flat file works this way. Runs in one transaction.
    /// </summary>
    /// <param name="inUseImageIds">
    /// The image ID of every container on the device, including stopped ones. Being in use does not track an image.
    /// Duplicates are fine. None means that no image is in use.
    /// </param>
    /// <param name="options">Options of this prune; read once.</param>
    /// <remarks>
    /// An image expires when it is neither in use nor kept, and the threshold has passed since its last use: the device
    /// has run for that long, or the wall clock says so and is trusted
    /// (<see cref="ImageUseStoreOptions.ClockSettleTime"/>). An image whose removal then fails is forgotten
    /// too; <see cref="PruneAsync"/> forgets it only after its removal.
    /// </remarks>
    /// <exception cref="ArgumentException">
    /// The IDs are null or an option is not valid; or an ID in use is not an image ID or has another form than the
    /// tracked ones, so it would protect no image (<see cref="PruneOptions.AllowOtherIdForms"/>). Nothing was changed.
    /// </exception>
    /// <exception cref="ImageUseStoreException">The prune could not be stored; nothing was forgotten.</exception>
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

    /// <remarks>A damaged row can have any time, which must fit into the history.</remarks>
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

    /// <remarks>
    /// SQLite evaluates RETURNING before the trigger on the deletion removes the description. Its documentation does
    /// not promise this (https://www.sqlite.org/lang_returning.html), but `DescriptionTests` checks it.
    /// </remarks>
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
                  coalesce((
                      SELECT names_lost
                      FROM image_description
                      WHERE image_description.image_id = image_use.image_id), 0) AS HasLostNames,
                  (SELECT size_bytes
                   FROM removed_image
                   WHERE prune_run_id = @run
                     AND removed_image.image_id = image_use.image_id) AS SizeBytes
        """;

    /// <summary>
    /// The part that all prunes share: records the images in use as used now, begins a run in the history, and decides.
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
        request.Decided?.Invoke(ToVerdicts(verdictRows, wall)); // The host's code runs outside the lock.
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
    /// Looks up the images in use among the tracked ones, not the other way round, because usually fewer are in use. A
    /// running time in the future is damage, so it is not carried on.
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

        /// <summary>Its ID in the history; null while the disk is too full to write it there.</summary>
        public long? Id { get; set; }

        /// <summary>How many images are tracked.</summary>
        public long Tracked { get; init; }

        /// <summary>Oldest use first.</summary>
        public List<ImageUse> Expired { get; init; } = [];
    }

    internal sealed record RunRow(long Id, long Tracked);
}
