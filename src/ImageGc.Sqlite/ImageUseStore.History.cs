using Dapper;

namespace ImageGc.Sqlite;

public sealed partial class ImageUseStore
{
    /// <summary>Returns the last prune, however long ago, or null if there was none.</summary>
    /// <param name="kind">The kind of prune; null for any kind except <see cref="PruneKind.Gone"/>.</param>
    /// <exception cref="ImageUseStoreException">The history could not be read.</exception>
    public PruneRun? LastPrune(PruneKind? kind = null) =>
        SelectPrunes(1, kind is { } wanted ? NameOf(wanted) : null) is [var last] ? last : null;

    /// <summary>
    /// Returns the prunes in the history, newest first: those of the last 90 days, but at least the last 400, and the
    /// last one of each kind.
    /// </summary>
    /// <exception cref="ImageUseStoreException">The history could not be read.</exception>
    public IReadOnlyList<PruneRun> ListPrunes() => SelectPrunes(int.MaxValue, null);

    private List<PruneRun> SelectPrunes(int most, string? kind) =>
        _database.Read("list the prunes", connection => connection.Query<PruneRow>("""
            SELECT pruned_at AS PrunedAt,
                   threshold_seconds AS Threshold,
                   tracked AS Tracked,
                   removed AS Removed,
                   failed AS Failed,
                   kind AS Kind,
                   freed_bytes AS FreedBytes
            FROM prune_run
            WHERE CASE WHEN @kind IS NULL THEN kind <> 'gone' ELSE kind = @kind END
            ORDER BY prune_run_id DESC
            LIMIT @most
            """, new { most, kind }).AsList().ConvertAll(row => new PruneRun(
                UnixTime.FromSeconds(row.PrunedAt), Threshold(row.Threshold), row.Tracked, row.Removed, row.Failed,
                KindOf(row.Kind), row.FreedBytes)));

    /// <summary>
    /// Returns the removed images in the history (see <see cref="ListPrunes"/>), also those that something else
    /// removed: newest run first, and within a run oldest use first.
    /// </summary>
    /// <exception cref="ImageUseStoreException">The history could not be read.</exception>
    public IReadOnlyList<RemovedImage> ListRemoved() =>
        _database.Read("list the removed images", connection =>
            connection.Query<RemovedRow>(SelectRemoved).AsList().ConvertAll(row => new RemovedImage(
                new ImageUse(row.ImageId, UnixTime.FromSeconds(row.LastUsedAt))
                {
                    Names = NamesIn(row.Names),
                    SizeBytes = row.SizeBytes,
                },
                UnixTime.FromSeconds(row.RemovedAt),
                Threshold(row.Threshold),
                KindOf(row.Kind),
                row.FreedBytes is { } freed
                    ? new FreedSpace(freed, row.FreedBy == NameOf(FreedBy.Engine) ? FreedBy.Engine : FreedBy.Disk)
                    : null)));

    private const string SelectRemoved = """
        SELECT removed_image.image_id AS ImageId,
               removed_image.last_used_at AS LastUsedAt,
               removed_image.removed_at AS RemovedAt,
               prune_run.threshold_seconds AS Threshold,
               prune_run.kind AS Kind,
               removed_image.names AS Names,
               removed_image.size_bytes AS SizeBytes,
               removed_image.freed_bytes AS FreedBytes,
               removed_image.freed_by AS FreedBy
        FROM removed_image
        JOIN prune_run ON prune_run.prune_run_id = removed_image.prune_run_id
        ORDER BY removed_image.prune_run_id DESC, removed_image.last_used_at, removed_image.image_id
        """;

    /// <summary>How long the history keeps a run. Documents and help say it in days.</summary>
    internal static readonly long HistorySeconds = (long)TimeSpan.FromDays(90).TotalSeconds;

    /// <summary>More than a year of nightly runs. So many stay, however old a wrong clock makes them.</summary>
    internal const int HistoryRuns = 400;

    /// <remarks>
    /// The last run of each kind stays too, because a schedule asks for it and can have a longer interval.
    /// </remarks>
    internal const string DropOldHistory = """
        DELETE FROM prune_run
        WHERE pruned_at < @tooOld
          AND prune_run_id NOT IN (
            SELECT prune_run_id
            FROM prune_run
            WHERE kind <> 'gone'
            ORDER BY prune_run_id DESC
            LIMIT @historyRuns)
          AND prune_run_id NOT IN (
            SELECT max(prune_run_id)
            FROM prune_run
            GROUP BY kind);

        DELETE FROM removed_image
        WHERE prune_run_id NOT IN (
            SELECT prune_run_id
            FROM prune_run)
        """;

    private static long Seconds(TimeSpan threshold) => (long)Math.Ceiling(threshold.TotalSeconds);

    /// <remarks>An edited or damaged row can have any number.</remarks>
    private static TimeSpan Threshold(long seconds) =>
        TimeSpan.FromSeconds(Math.Clamp(seconds, 0, (long)TimeSpan.MaxValue.TotalSeconds));

    internal sealed record PruneRow(
        long PrunedAt, long Threshold, long Tracked, long Removed, long Failed, string Kind, long? FreedBytes);

    internal sealed record RemovedRow(
        string ImageId, long LastUsedAt, long RemovedAt, long Threshold, string Kind, string? Names,
        long? SizeBytes, long? FreedBytes, string? FreedBy);
}
