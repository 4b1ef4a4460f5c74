using Dapper;
using Microsoft.Data.Sqlite;

namespace ImageGc.Sqlite;

public sealed partial class ImageUseStore
{
    /// <summary>Stops tracking an image, for one that was removed by other means; prune will not return it.</summary>
    /// <returns>Whether it was tracked.</returns>
    /// <exception cref="ArgumentException">Not an image ID.</exception>
    /// <exception cref="ImageUseStoreException">The change could not be stored.</exception>
    public bool Forget(string imageId)
    {
        ImageId.Require(imageId);
        var forgotten = WriteAfterBacklog("forget an image", (connection, _) => connection.Execute("""
            DELETE FROM image_use
            WHERE image_id = @imageId
            """, new { imageId }) > 0);
        if (forgotten)
            _log.Forgot(imageId);
        return forgotten;
    }

    /// <summary>
    /// Stops tracking images that were found to be gone, unless a use was recorded since they were listed: then they
    /// are there again. The history has them as <see cref="PruneKind.Gone"/>. All or none, in one transaction.
    /// </summary>
    /// <param name="gone">The images as <see cref="List"/> or <see cref="Find"/> returned them.</param>
    /// <returns>Those that were forgotten.</returns>
    /// <exception cref="ArgumentNullException">It is null.</exception>
    /// <exception cref="ImageUseStoreException">The change could not be stored.</exception>
    public IReadOnlyList<ImageUse> ForgetGone(IReadOnlyCollection<ImageUse> gone)
    {
        ArgumentNullException.ThrowIfNull(gone);
        if (gone.Count == 0)
            return [];

        return LogForgotten(WriteAfterBacklog(
            "forget images that are gone", (connection, now) => ForgetAllGone(connection, now, gone)));
    }

    /// <summary>
    /// Stops tracking images that the engine does not list and did not list 12 hours before either, unless they were
    /// used since; once is not enough, for an engine may start with an empty list. The history has them as
    /// <see cref="PruneKind.Gone"/>. Call it before each cleanup.
    /// </summary>
    /// <param name="existingImageIds">Every image that the engine lists, and what else is not to be forgotten.</param>
    /// <returns>Those that were forgotten.</returns>
    /// <remarks>
    /// The hours are those that the device ran, which no wrong clock can hasten: a nightly cleanup misses an image
    /// twice. One transaction.
    /// </remarks>
    /// <exception cref="ArgumentNullException">It is null.</exception>
    /// <exception cref="ImageUseStoreException">The change could not be stored.</exception>
    public IReadOnlyList<ImageUse> ForgetMissing(IEnumerable<string> existingImageIds)
    {
        ArgumentNullException.ThrowIfNull(existingImageIds);
        var existing = existingImageIds.Where(ImageId.IsValid).ToList();
        return LogForgotten(WriteAfterBacklog("forget images that are missing", (connection, now) =>
        {
            BindListed(connection, existing);
            var missing = new
            {
                boot = now.Boot,
                beganAt = now.BeganAt,
                ran = now.Ran,
                missedBefore = now.Ran - MissingForMilliseconds,
            };
            var gone = connection.Query<Row>(SelectMissing, missing).Where(row => row.IsImage);
            var forgotten = ForgetAllGone(connection, now, [.. gone.Select(row => row.ToImage())]);
            connection.Execute(MarkMissing, missing);
            return forgotten;
        }));
    }

    private static readonly long MissingForMilliseconds = (long)TimeSpan.FromHours(12).TotalMilliseconds;

    private const string SelectMissing = $"""
        {SelectUses}
        JOIN missing_image ON missing_image.image_id = image_use.image_id
        WHERE missing_image.boot = image_use.boot
          AND missing_image.ran_at = image_use.ran_at
          AND missing_image.missed_at <= @missedBefore
          AND image_use.image_id NOT IN (SELECT image_id FROM temp.listed)
        ORDER BY LastUsedAt, image_use.image_id
        """;

    private const string MarkMissing = """
        DELETE FROM missing_image
        WHERE image_id IN (SELECT image_id FROM temp.listed);

        INSERT INTO missing_image (image_id, boot, ran_at, missed_at)
        SELECT image_id, boot, ran_at, @ran
        FROM image_use
        WHERE image_id NOT IN (SELECT image_id FROM temp.listed)
        ON CONFLICT (image_id) DO UPDATE
        SET boot = excluded.boot,
            ran_at = excluded.ran_at,
            missed_at = excluded.missed_at
        WHERE boot <> excluded.boot
           OR ran_at <> excluded.ran_at
        """;

    private static List<ImageUse> ForgetAllGone(
        SqliteConnection connection, Now now, IReadOnlyCollection<ImageUse> gone)
    {
        if (gone.Count == 0)
            return [];
        var run = connection.QuerySingle<RunRow>(
            InsertRun, new { wallSeconds = now.WallSeconds, seconds = 0L, kind = NameOf(PruneKind.Gone) });
        var forgotten = gone.Where(image => ForgetUse(connection, image)).ToList();
        foreach (var image in forgotten)
            InsertRemovedImage(connection, run.Id, image, now.WallSeconds, forgotten: true);
        if (forgotten.Count == 0)
            connection.Execute(DeleteRun, new { id = run.Id });
        return forgotten;
    }

    private List<ImageUse> LogForgotten(List<ImageUse> forgotten)
    {
        forgotten.ForEach(image => _log.Forgot(image.ImageId));
        return forgotten;
    }

    private const string DeleteRun = """
        DELETE FROM prune_run
        WHERE prune_run_id = @id
        """;

    /// <summary>Forgets an image whose last use is still this one.</summary>
    private static bool ForgetUse(SqliteConnection connection, ImageUse use) => connection.Execute("""
        DELETE FROM image_use
        WHERE image_id = @imageId
          AND boot = @boot
          AND ran_at = @ranAt
        """, new { imageId = use.ImageId, boot = use.Boot, ranAt = use.RanAt }) > 0;
}
