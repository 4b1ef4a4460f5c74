using Dapper;

namespace ImageGc.Sqlite;

public sealed partial class ImageUseStore
{
    /// <summary>
    /// Decides as <see cref="Prune"/> does, but forgets each image only after <paramref name="removeImage"/> has
    /// removed it from the engine, so that no failure and no crash can leak an image.
    /// </summary>
    /// <param name="inUseImageIds">As <see cref="Prune"/> takes them.</param>
    /// <param name="removeImage">
    /// Removes the image from the engine; returns if it is gone already, throws if it is still there. Called once per
    /// image, one after the other, outside any lock or transaction: other threads may record meanwhile. It should
    /// remove unforced, so that the engine has the last word on what is in use.
    /// </param>
    /// <param name="cancellationToken">
    /// Stops between images, and is passed on to <paramref name="removeImage"/>.
    /// </param>
    /// <returns>What was removed, what was used meanwhile and what failed.</returns>
    /// <remarks>
    /// An image that is used after the decision is not removed. What <paramref name="removeImage"/> throws is logged
    /// and returned in <see cref="PruneResult.Failed"/>; the image stays tracked and the run goes on. After a crash
    /// between removal and forgetting the next prune offers the image again. It decides before it returns a task, and
    /// runs on the caller's thread as long as <paramref name="removeImage"/> does. Run one at a time: two at once offer
    /// an image twice.
    /// </remarks>
    /// <exception cref="ArgumentException">An argument is null.</exception>
    /// <exception cref="OperationCanceledException">
    /// Cancelled; what was done so far is kept, and <see cref="ListRemoved"/> tells it.
    /// </exception>
    /// <exception cref="ImageUseStoreException">
    /// The decision or its outcome could not be stored; safe to repeat.
    /// </exception>
#pragma warning disable RS0027 // Neither overload can grow: the next parameter becomes an options type.
    public Task<PruneResult> PruneAsync(
        IEnumerable<string> inUseImageIds,
        Func<ImageUse, CancellationToken, Task> removeImage,
        CancellationToken cancellationToken = default) =>
        PruneAsync(inUseImageIds, removeImage, _threshold, cancellationToken);
#pragma warning restore RS0027

    /// <summary>
    /// As <see cref="PruneAsync(IEnumerable{string}, Func{ImageUse, CancellationToken, Task}, CancellationToken)"/>,
    /// with another threshold: on a full disk, say.
    /// </summary>
    /// <param name="inUseImageIds">As <see cref="Prune"/> takes them.</param>
    /// <param name="removeImage">Removes the image from the engine.</param>
    /// <param name="threshold">
    /// Replaces <see cref="ImageUseStoreOptions.ImageAgeCleanupThreshold"/> for this call; zero expires everything that
    /// is not in use.
    /// </param>
    /// <param name="cancellationToken">
    /// Stops between images, and is passed on to <paramref name="removeImage"/>.
    /// </param>
    /// <returns>What was removed, what was used meanwhile and what failed.</returns>
    /// <exception cref="ArgumentException">An argument is null, or the threshold is negative.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; what was done so far is kept.</exception>
    /// <exception cref="ImageUseStoreException">
    /// The decision or its outcome could not be stored; safe to repeat.
    /// </exception>
    public async Task<PruneResult> PruneAsync(
        IEnumerable<string> inUseImageIds,
        Func<ImageUse, CancellationToken, Task> removeImage,
        TimeSpan threshold,
        CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(removeImage);
        var inUse = KeepImageIds(inUseImageIds);
        ImageUseStoreOptions.RequireThreshold(threshold, nameof(threshold));
        cancellationToken.ThrowIfCancellationRequested();

        var run = _database.Write("prune the images", (connection, now) =>
            BeginPrune(connection, inUse, now, threshold));
        List<ImageUse> removed = [], usedMeanwhile = [];
        List<PruneFailure> failed = [];
        var expired = ToImages(run.Expired);
        try
        {
            foreach (var image in expired)
            {
                cancellationToken.ThrowIfCancellationRequested();
                if (!IsUnused(image))
                    usedMeanwhile.Add(image);
                else if (await TryRemove(run, removeImage, image, cancellationToken).ConfigureAwait(false)
                    is { } failure)
                    failed.Add(failure);
                else
                    (ForgetUnused(run, image) ? removed : usedMeanwhile).Add(image);
            }
        }
        finally
        {
            var left = expired.Count - removed.Count - usedMeanwhile.Count - failed.Count;
            if (left > 0)
                _log.StoppedPruning(_database.Path, left);
            _log.Pruned(_database.Path, removed.Count, usedMeanwhile.Count, failed.Count, run.Tracked - removed.Count,
                threshold);
        }

        return new PruneResult(removed, usedMeanwhile, failed);
    }

    private async Task<PruneFailure?> TryRemove(
        BegunRun run, Func<ImageUse, CancellationToken, Task> removeImage, ImageUse image,
        CancellationToken cancellationToken)
    {
        try
        {
            await (removeImage(image, cancellationToken)
                ?? throw new InvalidOperationException("removeImage returned null.")).ConfigureAwait(false);
            return null;
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            throw;
        }
#pragma warning disable CA1031 // Whatever the caller's code throws, the image stays tracked and the run goes on.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            _log.NotRemoved(exception, image.ImageId);
            CountFailure(run);
            return new PruneFailure(image, exception);
        }
    }

    private bool IsUnused(ImageUse image) => _database.Read("look up an image", connection =>
        connection.ExecuteScalar<bool>("""
            SELECT EXISTS (
                SELECT 1
                FROM image_use
                WHERE image_id = @imageId
                  AND boot = @boot
                  AND ran_at = @ranAt)
            """, new { imageId = image.ImageId, boot = image.Boot, ranAt = image.RanAt }));

    /// <summary>Forgets a removed image and writes the history, unless it was used during its removal.</summary>
    private bool ForgetUnused(BegunRun run, ImageUse image) =>
        _database.Write("forget a removed image", (connection, now) =>
        {
            if (!ForgetUse(connection, image))
                return false;

            connection.Execute(InsertRemoved, new
            {
                run = run.Id,
                imageId = image.ImageId,
                lastUsedAt = image.LastUsedAt.ToUnixTimeSeconds(),
                wallSeconds = now.WallSeconds,
            });
            return true;
        });

    private const string InsertRemoved = """
        INSERT INTO removed_image (prune_run_id, image_id, last_used_at, removed_at)
        VALUES (@run, @imageId, @lastUsedAt, @wallSeconds);

        UPDATE prune_run
        SET removed = removed + 1
        WHERE prune_run_id = @run
        """;

    private void CountFailure(BegunRun run) => _database.Write("write the history", (connection, _) =>
        connection.Execute("""
            UPDATE prune_run
            SET failed = failed + 1
            WHERE prune_run_id = @id
            """, new { id = run.Id }));
}
