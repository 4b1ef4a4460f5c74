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
        return Forget(imageId, connection => connection.Execute("""
            DELETE FROM image_use
            WHERE image_id = @imageId
            """, new { imageId }) > 0);
    }

    /// <summary>
    /// Stops tracking an image that was found to be gone, unless its use was recorded since it was listed: then it is
    /// there again.
    /// </summary>
    /// <param name="unused">The image as <see cref="List"/> or <see cref="Find"/> returned it.</param>
    /// <returns>Whether it was forgotten.</returns>
    /// <exception cref="ArgumentException">Not an image ID.</exception>
    /// <exception cref="ImageUseStoreException">The change could not be stored.</exception>
    public bool Forget(ImageUse unused)
    {
        ImageId.Require(unused.ImageId);
        return Forget(unused.ImageId, connection => ForgetUse(connection, unused));
    }

    private bool Forget(string imageId, Func<SqliteConnection, bool> forget)
    {
        var forgotten = _database.Write("forget an image", (connection, _) => forget(connection));
        if (forgotten)
            _log.Forgot(imageId);
        return forgotten;
    }

    /// <summary>Forgets an image whose last use is still this one.</summary>
    private static bool ForgetUse(SqliteConnection connection, ImageUse use) => connection.Execute("""
        DELETE FROM image_use
        WHERE image_id = @imageId
          AND boot = @boot
          AND ran_at = @ranAt
        """, new { imageId = use.ImageId, boot = use.Boot, ranAt = use.RanAt }) > 0;
}
