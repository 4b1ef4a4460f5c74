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
    /// <remarks>
    /// A use in the very second of the last one looks like none, and a clock that was set since looks like a use.
    /// </remarks>
    /// <exception cref="ArgumentException">Not an image ID.</exception>
    /// <exception cref="ImageUseStoreException">The change could not be stored.</exception>
    public bool Forget(ImageUse unused)
    {
        ImageId.Require(unused.ImageId);
        var (imageId, lastUsedAt) = (unused.ImageId, unused.LastUsedAt.ToUnixTimeSeconds());
        return Forget(imageId, connection => ForgetUnchanged(connection, imageId, lastUsedAt));
    }

    private bool Forget(string imageId, Func<SqliteConnection, bool> forget)
    {
        var forgotten = _database.Run("forget an image", (store: this, imageId, forget), static (connection, args) =>
        {
            args.store._database.RequireWriting("forget an image");
            if (!args.forget(connection))
                return false;
            args.store._clock.Begin();
            args.store._clock.Forgot(args.imageId);
            args.store._clock.Committed();
            return true;
        });
        if (forgotten)
            _log.Forgot(imageId);
        return forgotten;
    }

    private static bool ForgetUnchanged(SqliteConnection connection, string imageId, long lastUsedAt) =>
        connection.Execute("""
            DELETE FROM image_use
            WHERE image_id = @imageId
              AND last_used_at = @lastUsedAt
            """, new { imageId, lastUsedAt }) > 0;
}
