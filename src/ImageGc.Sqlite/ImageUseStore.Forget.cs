using Dapper;
using Microsoft.Data.Sqlite;

namespace ImageGc.Sqlite;

public sealed partial class ImageUseStore
{
    /// <summary>Stops tracking an image, for example one that was removed by other means.</summary>
    /// <returns>Whether it was tracked.</returns>
    /// <exception cref="ArgumentException"><paramref name="imageId"/> is not a valid image ID.</exception>
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
    /// Stops tracking images that were found to be gone, in one transaction. An image that was used since it was listed
    /// is there again and stays tracked. The history records the others as <see cref="PruneKind.Gone"/>.
    /// </summary>
    /// <param name="gone">The images as <see cref="List"/> or <see cref="Find"/> returned them.</param>
    /// <returns>The images that were forgotten.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="gone"/> is null.</exception>
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
    /// Stops tracking images that the engine does not list and already did not list 12 hours ago, unless they were used
    /// since. Call it before each cleanup. The history records them as <see cref="PruneKind.Gone"/>.
    /// </summary>
    /// <param name="existingImageIds">
    /// The IDs of all images that the engine lists, and of others that must stay tracked.
    /// </param>
    /// <returns>The images that were forgotten.</returns>
    /// <remarks>
    /// Missing once is not enough, because an engine may list nothing while it starts. The 12 hours are running time of
    /// the device, which a wrong clock cannot shorten. Runs in one transaction.
    /// </remarks>
    /// <exception cref="ArgumentNullException"><paramref name="existingImageIds"/> is null.</exception>
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

    /// <remarks>A row keeps the time at which the image was first missed, until it is listed or used again.</remarks>
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

        // The removed images refer to the run. If none remains, because all were used again, the run is deleted.
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

    /// <summary>Forgets an image if its last use is still this one.</summary>
    private static bool ForgetUse(SqliteConnection connection, ImageUse use) => connection.Execute("""
        DELETE FROM image_use
        WHERE image_id = @imageId
          AND boot = @boot
          AND ran_at = @ranAt
        """, new { imageId = use.ImageId, boot = use.Boot, ranAt = use.RanAt }) > 0;
}
