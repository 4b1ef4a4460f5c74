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
        var forgotten = _database.Write("forget an image", (connection, _) => connection.Execute("""
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

        var forgotten = _database.Write("forget images that are gone", (connection, now) =>
        {
            var run = connection.QuerySingle<RunRow>(
                InsertRun, new { wallSeconds = now.WallSeconds, seconds = 0L, kind = NameOf(PruneKind.Gone) });
            var forgotten = gone.Where(image => ForgetUse(connection, image)).ToList();
            foreach (var image in forgotten)
                InsertRemovedImage(connection, run.Id, image, now, forgotten: true);
            if (forgotten.Count == 0)
                connection.Execute(DeleteRun, new { id = run.Id });
            return forgotten;
        });
        foreach (var image in forgotten)
            _log.Forgot(image.ImageId);
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
