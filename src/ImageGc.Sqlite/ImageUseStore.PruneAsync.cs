using Dapper;
using Microsoft.Data.Sqlite;

namespace ImageGc.Sqlite;

public sealed partial class ImageUseStore
{
    /// <summary>
    /// Decides as <see cref="Prune"/> does, but forgets each image only after <paramref name="removeImage"/> has
    /// removed it from the engine, so after a failure or a crash the image is still tracked.
    /// </summary>
    /// <param name="inUseImageIds">The IDs of the images of all containers, including stopped ones.</param>
    /// <param name="removeImage">
    /// Removes the image from the engine. It must return if the image is gone already, and throw if the image is still
    /// there. It is called for one image at a time, outside any transaction, so other threads can record meanwhile.
    /// Remove without force, so that the engine refuses to remove an image in use.
    /// </param>
    /// <param name="options">Options of this prune; read once.</param>
    /// <param name="cancellationToken">
    /// Stops between images, and is passed on to <paramref name="removeImage"/>.
    /// </param>
    /// <returns>The images that were removed, skipped, not removed because of a failure, and not tried.</returns>
    /// <remarks>
    /// An image that is used or kept by hand after the decision is not removed, and one that is used during its removal
    /// stays tracked. An exception from <paramref name="removeImage"/> is logged and returned in
    /// <see cref="PruneResult.Failed"/>; the image stays tracked and the prune goes on. After a crash between the
    /// removal and the forgetting of an image, the next prune offers the image again. Images come oldest use first,
    /// with two exceptions: children come before their <see cref="PruneOptions.Parents"/>, and images whose last
    /// removal failed come last. The method decides before it returns a task, and stays on the caller's thread while
    /// <paramref name="removeImage"/> completes synchronously. Run one prune of a store at a time: a store that holds
    /// <see cref="LockPrunes"/> does not refuse a second one, which would offer the same images.
    /// </remarks>
    /// <exception cref="ArgumentException">An argument is not valid, as for <see cref="Prune"/>.</exception>
    /// <exception cref="OperationCanceledException">
    /// The prune was cancelled. What was done is kept, and <see cref="PruneOptions.Progress"/> and the history have it.
    /// </exception>
    /// <exception cref="ImageUseStoreException">
    /// Another prune is running (<see cref="LockPrunes"/>), or the decision or an outcome could not be stored. It is
    /// safe to repeat the call. What was done is kept, and <see cref="PruneOptions.Progress"/> and the history have it.
    /// </exception>
    public async Task<PruneResult> PruneAsync(
        IEnumerable<string> inUseImageIds,
        Func<ImageUse, CancellationToken, Task> removeImage,
        PruneOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(removeImage);
        var request = RequestOf(inUseImageIds, options);
        cancellationToken.ThrowIfCancellationRequested();

        using var turn = _pruneLock is null ? TakePruneLock() : null; // After LockPrunes the store has it already.
        var run = BeginOrDecideOnly(request);
        List<ImageUse> removed = [], usedMeanwhile = [];
        List<PruneFailure> failed = [];
        var freed = 0L;
        var left = new Queue<ImageUse>(ChildrenFirst(run.Expired, request.Parents));
        try
        {
            while (left.TryPeek(out var image))
            {
                cancellationToken.ThrowIfCancellationRequested();
                if (request.Enough is { } enough && await enough(cancellationToken).ConfigureAwait(false))
                    break;
                var outcome = await SettleAsync(run, image, removeImage, cancellationToken).ConfigureAwait(false);
                left.Dequeue();
                if (outcome.Failure is { } failure)
                    failed.Add(new PruneFailure(image, failure));
                else
                    (outcome.Result == RemovalResult.Removed ? removed : usedMeanwhile).Add(image);
                freed += outcome.Freed?.Bytes ?? 0;
                request.Progress?.Report(outcome);
            }
        }
        finally
        {
            if (left.Count > 0)
                _log.StoppedPruning(_database.Path, left.Count);
            _log.Pruned(_database.Path, removed.Count, freed > 0 ? $", which freed {SizeText.Format(freed)}" : "",
                usedMeanwhile.Count, failed.Count, run.Tracked - removed.Count, DurationText.Format(request.Threshold));
        }

        if (HasBacklog())
            TryWriteBacklog();
        return new PruneResult(removed, usedMeanwhile, failed, [.. left]);
    }

    private BegunPrune BeginOrDecideOnly(PruneRequest request)
    {
        try
        {
            return Begin(request, (connection, decision, _) => connection.Query<Row>(SelectExpired, decision));
        }
        catch (ImageUseStoreException full) when (IsFull(full))
        {
            _log.PrunedWithoutRoom(_database.Path);
            return DecideOnly(request);
        }
    }

    /// <summary>Decides without writing, on a disk that stays full until images are removed.</summary>
    private BegunPrune DecideOnly(PruneRequest request)
    {
        var (rows, tracked, verdictRows, wall) = _database.Read("prune the images", (connection, now) =>
        {
            var decision = ParametersOf(now, request.Threshold);
            BindListed(connection, request);
            var verdicts = request.Decided is null ? [] : SelectVerdicts(connection, decision);
            return (connection.Query<Row>(SelectExpired, decision).AsList(),
                connection.ExecuteScalar<long>(CountImages), verdicts, now.Wall);
        });
        request.Decided?.Invoke(ToVerdicts(verdictRows, wall));
        return new BegunPrune(request, wall / 1000)
        {
            Tracked = tracked,
            Expired = [.. ToImages(rows).ExceptBy(ListNotRecorded().Select(UseOf), UseOf)],
        };

        // An image that an earlier prune removed stays tracked until that is recorded. Its wall time can change.
        static (string, long, long) UseOf(ImageUse image) => (image.ImageId, image.Boot, image.RanAt);
    }

    private const string SelectExpired = $"""
        SELECT use.image_id AS ImageId,
               use.boot AS Boot,
               use.ran_at AS RanAt,
               use.last_used_at AS LastUsedAt,
               image_description.names AS Names,
               coalesce(image_description.names_lost, 0) AS HasLostNames,
               image_description.size_bytes AS SizeBytes
        FROM {Uses}
        LEFT JOIN image_description ON image_description.image_id = use.image_id
        WHERE {Expired}
        ORDER BY EXISTS (
                     SELECT 1
                     FROM failed_removal
                     WHERE failed_removal.image_id = use.image_id
                       AND failed_removal.boot = use.boot
                       AND failed_removal.ran_at = use.ran_at),
                 last_used_at, use.image_id
        """;

    /// <summary>Keeps the order, except that an image comes after the last of its descendants.</summary>
    private static IEnumerable<ImageUse> ChildrenFirst(
        List<ImageUse> images, IReadOnlyDictionary<string, string> parents)
    {
        if (parents.Count == 0)
            return images;
        var left = images.ToDictionary(image => image.ImageId);
        List<ImageUse> parentsFirst = []; // In reverse: each image follows those of its ancestors that are left.
        foreach (var image in Enumerable.Reverse(images))
        {
            Stack<ImageUse> line = [];
            for (var id = image.ImageId; id is not null && left.Remove(id, out var next);
                id = parents.GetValueOrDefault(id))
                line.Push(next);
            parentsFirst.AddRange(line);
        }

        return Enumerable.Reverse(parentsFirst);
    }

    private async Task<PruneOutcome> SettleAsync(
        BegunPrune run, ImageUse image, Func<ImageUse, CancellationToken, Task> removeImage,
        CancellationToken cancellationToken)
    {
        if (!IsStillLastUse(image) || HasUnrecordedUse(image.ImageId) || IsKeptNow(image))
            return new PruneOutcome(image, RemovalResult.UsedMeanwhile);

        try
        {
            await (removeImage(image, cancellationToken)
                ?? throw new InvalidOperationException("removeImage returned null.")).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            throw; // The image did not fail: the prune was cancelled while it was being removed.
        }
#pragma warning disable CA1031 // Whatever the caller's code throws, the image stays tracked and the run goes on.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            _log.NotRemoved(image, exception);
            CountFailure(run, image);
            return new PruneOutcome(image, RemovalResult.Failed, exception);
        }

        if (HasUnrecordedUse(image.ImageId)) // Used during its removal, which a full disk left no room to record.
            return new PruneOutcome(image, RemovalResult.UsedMeanwhile);
        var freed = run.Request.Freed?.Invoke(image);
        return ForgetRemoved(run, image, freed)
            ? new PruneOutcome(image, RemovalResult.Removed, Freed: freed)
            : new PruneOutcome(image, RemovalResult.UsedMeanwhile);
    }

    private bool IsStillLastUse(ImageUse image) => _database.Read("look up an image", connection =>
        connection.ExecuteScalar<bool>("""
            SELECT EXISTS (
                SELECT 1
                FROM image_use
                WHERE image_id = @imageId
                  AND boot = @boot
                  AND ran_at = @ranAt)
            """, new { imageId = image.ImageId, boot = image.Boot, ranAt = image.RanAt }));

    /// <summary>
    /// Forgets a removed image and adds it to the history, unless it was used during its removal. If the disk is full,
    /// the next change that succeeds does it.
    /// </summary>
    /// <returns>False if the image was used during its removal.</returns>
    private bool ForgetRemoved(BegunPrune run, ImageUse image, FreedSpace? freed)
    {
        // It goes through the backlog, so that a full disk only delays it.
        var removal = new Removal(run, image, freed);
        lock (_backlogLock)
            _unrecordedRemovals.Add(removal);
        try
        {
            TryWriteBacklog();
            return removal.WasRecorded;
        }
        catch
        {
            lock (_backlogLock)
                _unrecordedRemovals.Remove(removal); // The next prune offers it again.
            throw;
        }
    }

    private void TryWriteBacklog()
    {
        try
        {
            WriteAfterBacklog("forget a removed image", (_, _) => 0);
        }
        catch (ImageUseStoreException full) when (IsFull(full))
        {
            // It stays in the backlog for the next change.
        }
    }

    /// <remarks>
    /// If the row is gone, another process noticed the removal first and forgot the image. The image was removed all
    /// the same, so it belongs in the history unless that process wrote it there.
    /// </remarks>
    private static bool ForgetRemoved(SqliteConnection connection, long run, Removal removal)
    {
        var forgotten = ForgetUse(connection, removal.Image);
        if (!forgotten && connection.ExecuteScalar<bool>(IsTracked, new { imageId = removal.Image.ImageId }))
            return false;

        InsertRemovedImage(connection, run, removal.Image, removal.RemovedAt!.Value, forgotten, removal.Freed);
        return true;
    }

    private static void InsertRemovedImage(
        SqliteConnection connection, long run, ImageUse image, long removedAt, bool forgotten,
        FreedSpace? freed = null) =>
        connection.Execute(InsertRemoved, new
        {
            run,
            imageId = image.ImageId,
            lastUsedAt = image.LastUsedAt.ToUnixTimeSeconds(),
            removedAt,
            names = NamesOf(image),
            sizeBytes = image.SizeBytes,
            forgotten,
            freedBytes = freed?.Bytes,
            freedBy = freed is null ? null : NameOf(freed.By),
        });

    private const string IsTracked = """
        SELECT EXISTS (
            SELECT 1
            FROM image_use
            WHERE image_id = @imageId)
        """;

    private const string InsertRemoved = """
        INSERT INTO removed_image (
            prune_run_id, image_id, last_used_at, removed_at, names, size_bytes, freed_bytes, freed_by)
        SELECT @run, @imageId, @lastUsedAt, @removedAt, @names, @sizeBytes, @freedBytes, @freedBy
        WHERE @forgotten OR NOT EXISTS (
            SELECT 1
            FROM removed_image
            WHERE image_id = @imageId
              AND last_used_at = @lastUsedAt
              AND prune_run_id <> @run
              AND removed_at >= (
                  SELECT pruned_at
                  FROM prune_run
                  WHERE prune_run_id = @run));

        UPDATE prune_run
        SET removed = removed + changes(),
            freed_bytes = CASE WHEN changes() = 0 OR @freedBytes IS NULL
                               THEN freed_bytes
                               ELSE coalesce(freed_bytes, 0) + @freedBytes END
        WHERE prune_run_id = @run
        """;

    /// <remarks>If this cannot be written, the prune goes on: only the history and the next order need it.</remarks>
    private void CountFailure(BegunPrune run, ImageUse image)
    {
        try
        {
            WriteAfterBacklog("write the history", (connection, _) => connection.Execute("""
                UPDATE prune_run
                SET failed = failed + 1
                WHERE prune_run_id = @run;

                INSERT OR REPLACE INTO failed_removal (image_id, boot, ran_at)
                SELECT image_id, boot, ran_at
                FROM image_use
                WHERE image_id = @imageId
                  AND boot = @boot
                  AND ran_at = @ranAt
                """, new { run = run.Id, imageId = image.ImageId, boot = image.Boot, ranAt = image.RanAt }));
        }
        catch (ImageUseStoreException exception)
        {
            _log.FailureNotCounted(exception, _database.Path);
        }
    }
}
