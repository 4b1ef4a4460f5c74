using Dapper;

namespace ImageGc.Sqlite;

public sealed partial class ImageUseStore
{
    private static readonly long HistorySeconds = (long)TimeSpan.FromDays(90).TotalSeconds;

    /// <summary>The last prune, or null if there was none in the last 90 days.</summary>
    /// <exception cref="ImageUseStoreException">The history could not be read.</exception>
    public PruneRun? LastPrune() => ListPrunes(1) is [var last] ? last : null;

    /// <summary>The prunes of the last 90 days, newest first.</summary>
    /// <param name="most">How many to list at the most.</param>
    /// <exception cref="ImageUseStoreException">The history could not be read.</exception>
    public IReadOnlyList<PruneRun> ListPrunes(int most = int.MaxValue)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(most);
        return _database.Run("list the prunes", most, static (connection, most) => connection.Query<RunRow>("""
            SELECT pruned_at AS PrunedAt,
                   threshold_seconds AS Threshold,
                   tracked AS Tracked,
                   removed AS Removed,
                   failed AS Failed
            FROM prune_run
            ORDER BY prune_run_id DESC
            LIMIT @most
            """, new { most }).AsList().ConvertAll(row =>
                new PruneRun(At(row.PrunedAt), TimeSpan.FromSeconds(row.Threshold), row.Tracked, row.Removed, row.Failed)));
    }

    /// <summary>The images that prunes removed in the last 90 days, newest prune first, in each the oldest use first.</summary>
    /// <param name="imageId">Only this image, or all of them if null.</param>
    /// <exception cref="ArgumentException">Not an image ID.</exception>
    /// <exception cref="ImageUseStoreException">The history could not be read.</exception>
    public IReadOnlyList<RemovedImage> ListRemoved(string? imageId = null)
    {
        if (imageId is not null)
            ImageId.Require(imageId);
        return _database.Run("list the removed images", imageId, static (connection, imageId) => connection.Query<RemovedRow>("""
            SELECT removed_image.image_id AS ImageId,
                   removed_image.last_used_at AS LastUsedAt,
                   removed_image.removed_at AS RemovedAt,
                   prune_run.threshold_seconds AS Threshold
            FROM removed_image
            JOIN prune_run ON prune_run.prune_run_id = removed_image.prune_run_id
            WHERE @imageId IS NULL
               OR removed_image.image_id = @imageId
            ORDER BY removed_image.prune_run_id DESC, removed_image.last_used_at, removed_image.image_id
            """, new { imageId }).AsList().ConvertAll(row => new RemovedImage(
                new ImageUse(row.ImageId, At(row.LastUsedAt)), At(row.RemovedAt), TimeSpan.FromSeconds(row.Threshold))));
    }

    private const string DropOldHistory = """
        DELETE FROM removed_image
        WHERE prune_run_id IN (SELECT prune_run_id FROM prune_run WHERE pruned_at < @tooOld);

        DELETE FROM prune_run
        WHERE pruned_at < @tooOld
        """;

    internal sealed record RunRow(long PrunedAt, long Threshold, long Tracked, long Removed, long Failed);

    internal sealed record RemovedRow(string ImageId, long LastUsedAt, long RemovedAt, long Threshold);
}
