using System.Runtime.ExceptionServices;
using ImageGc.Sqlite;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace ImageGc.Hosting;

/// <summary>Everything that removes images or forgets images that are gone, one run at a time.</summary>
internal sealed class Cleanup(
    Func<ImageUseStore> store, IContainerEngine engine, IOptions<ImageGarbageCollectionOptions> options,
    ImageDisk disk, HostState state, CleanupRequests requests, Metrics metrics, TimeProvider time,
    ILogger<Cleanup> log) : IDisposable
{
    /// <summary>The note that holds the identity of the engine whose images are tracked.</summary>
    private const string EngineNote = "engine";

    private readonly SemaphoreSlim _oneAtATime = new(1, 1);
    private readonly KeptImages _kept = new(options.Value);

    /// <summary>Takes the lock of the database, so that no other program cleans up.</summary>
    public void Lock()
    {
        store().LockPrunes();
        requests.Open();
        state.Own();
    }

    /// <summary>Finds out early what would prevent a cleanup, and which rules keep no image.</summary>
    public async Task CheckEngineAsync(CancellationToken cancellationToken)
    {
        await RequireSameEngineAsync(cancellationToken).ConfigureAwait(false);
        ReportMatchingNone(await engine.ListImagesAsync(cancellationToken).ConfigureAwait(false));
    }

    /// <summary>Removes the images that expired; with a relief also younger ones, until the disk has room.</summary>
    public Task<PruneResult> RunAsync(
        PruneKind kind, IProgress<PruneOutcome>? progress, DiskRelief? relief, CancellationToken cancellationToken) =>
        AloneAsync(() => RunAloneAsync(kind, progress, relief, cancellationToken), cancellationToken);

    private async Task<PruneResult> RunAloneAsync(
        PruneKind kind, IProgress<PruneOutcome>? progress, DiskRelief? relief, CancellationToken cancellationToken)
    {
        var started = time.GetTimestamp();
        Lock();
        if (await RequireSameEngineAsync(cancellationToken).ConfigureAwait(false) is { } first)
        {
            // The first engine that a cleanup meets is the one whose images are tracked.
            Attempt.IfThereIsRoom(() =>
                store().RecordUse([], new Dictionary<string, string> { [EngineNote] = first }));
        }

        var images = await engine.ListImagesAsync(cancellationToken).ConfigureAwait(false);
        await FindByNamesAsync(cancellationToken).ConfigureAwait(false);
        Attempt.IfThereIsRoom(() => DescribeAndForget(images));

        ReportMatchingNone(images);
        var run = new RemovalRun(engine, store(), images, disk, relief, metrics, log);
        PruneResult result;
        try
        {
            // Listed last: a container may have been created while the calls above waited for the engine.
            var inUse = await RemovalRun.ListInUseAsync(engine, cancellationToken).ConfigureAwait(false);
            var prune = OptionsFor(images, inUse, isForRoom: relief is not null);
            prune.Kind = kind;
            prune.Enough = run.IsEnoughAsync;
            prune.Freed = run.FreedSpaceOf;
            prune.Progress = progress;
            result = await store().PruneAsync(inUse, run.RemoveAsync, prune, cancellationToken)
                .ConfigureAwait(false);
        }
        finally
        {
            metrics.Ran(time.GetElapsedTime(started));
        }

        // To the store, each image failed by itself. Without its engine the whole run failed, and is tried again soon.
        if (run.EngineFailure is { } failure)
            ExceptionDispatchInfo.Throw(failure);
        return result;
    }

    /// <summary>Returns the verdict that a run would reach now on every tracked image.</summary>
    public async Task<IReadOnlyList<PruneVerdict>> PreviewAsync(bool isForRoom, CancellationToken cancellationToken)
    {
        await RequireSameEngineAsync(cancellationToken).ConfigureAwait(false);
        var images = await engine.ListImagesAsync(cancellationToken).ConfigureAwait(false);
        ReportMatchingNone(images);
        return await ExplainAsync(images, isForRoom, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Whether there is an image that can be removed early.</summary>
    public async Task<bool> CanMakeRoomAsync(CancellationToken cancellationToken)
    {
        var images = await engine.ListImagesAsync(cancellationToken).ConfigureAwait(false);
        var verdicts = await ExplainAsync(images, isForRoom: true, cancellationToken).ConfigureAwait(false);
        return verdicts.Any(verdict => verdict.Reason == PruneReason.Expired);
    }

    private async Task<IReadOnlyList<PruneVerdict>> ExplainAsync(
        IReadOnlyCollection<EngineImage> images, bool isForRoom, CancellationToken cancellationToken)
    {
        var containers = await engine.ListContainersAsync(cancellationToken).ConfigureAwait(false);
        var users = containers
            .SelectMany(one => one.ImageIds.Distinct().Select(image => (image, Container: one.Name ?? one.Id)))
            .ToLookup(use => use.image, use => use.Container, StringComparer.Ordinal);
        var inUse = users.Select(image => image.Key).ToHashSet(StringComparer.Ordinal);
        return
        [
            .. store().ExplainPrune(inUse, OptionsFor(images, inUse, isForRoom))
                .Select(verdict => verdict with { UsedBy = [.. users[verdict.Image.ImageId].Order()] }),
        ];
    }

    /// <summary>Describes what fills the disk, for a person who has to free space on it.</summary>
    public async Task<string> DescribeDiskAsync(DiskUsage usage, CancellationToken cancellationToken)
    {
        var images = await engine.ListImagesAsync(cancellationToken).ConfigureAwait(false);
        var inUse = await RemovalRun.ListInUseAsync(engine, cancellationToken).ConfigureAwait(false);
        var verdicts = store().ExplainPrune(inUse, OptionsFor(images, inUse, isForRoom: true))
            .ToDictionary(verdict => verdict.Image.ImageId, verdict => verdict.Reason, StringComparer.Ordinal);
        return DiskShares.Describe(images, inUse, verdicts, usage);
    }

    /// <summary>Makes the engine as it is now the one whose images are tracked.</summary>
    public Task<string> AcceptEngineAsync(CancellationToken cancellationToken) => AloneAsync(async () =>
    {
        var identity = await engine.IdentifyAsync(cancellationToken).ConfigureAwait(false);
        List<string> tracked = [.. store().List().Select(image => image.ImageId)];
        store().ForgetMissing(tracked); // Clears their marks: it was the other engine that did not list them.
        // On another engine, the last uses are unknown, so the images count as used now.
        var isOther = store().FindNote(EngineNote) is { } noted && noted != identity;
        store().RecordUse(isOther ? tracked : [], new Dictionary<string, string> { [EngineNote] = identity });
        return identity;
    }, cancellationToken);

    /// <summary>Forgets an image whose removal the engine reported, unless the engine has it again.</summary>
    public Task ForgetIfGoneAsync(string imageId, CancellationToken cancellationToken) => AloneAsync(async () =>
    {
        if (!ImageId.IsValid(imageId) || store().Find(imageId) is not { } tracked)
            return false;
        await RequireSameEngineAsync(cancellationToken).ConfigureAwait(false);
        // A pull may have brought it back since the event.
        if (await engine.FindImageAsync(imageId, cancellationToken).ConfigureAwait(false) is not null)
            return false;
        foreach (var gone in store().ForgetGone([tracked]))
            log.ForgotGone(gone);
        return true;
    }, cancellationToken);

    public void Dispose() => _oneAtATime.Dispose();

    /// <summary>Runs the work while nothing else removes or forgets images.</summary>
    internal async Task<T> AloneAsync<T>(Func<Task<T>> work, CancellationToken cancellationToken)
    {
        await _oneAtATime.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return await work().ConfigureAwait(false);
        }
        finally
        {
            _oneAtATime.Release();
        }
    }

    /// <summary>Requires the image store whose images are tracked. In another one, they would seem gone.</summary>
    /// <remarks>
    /// New installations of Docker 29 use the containerd image store, and older ones do not. After a switch, Docker
    /// hides the images of the other store: https://docs.docker.com/engine/storage/containerd/.
    /// </remarks>
    /// <returns>The identity of the engine if none was noted yet, otherwise null.</returns>
    /// <exception cref="EngineChangedException">The engine has another image store.</exception>
    private async Task<string?> RequireSameEngineAsync(CancellationToken cancellationToken)
    {
        var now = await engine.IdentifyAsync(cancellationToken).ConfigureAwait(false);
        return store().FindNote(EngineNote) switch
        {
            null => now,
            var noted when noted == now => null,
            var noted => throw new EngineChangedException(
                $"{engine} has another image store than before: it was '{noted}' and is '{now}'. Nothing is removed or "
                + "forgotten. If you changed it on purpose, run 'imagegc accept-engine'."),
        };
    }

    private void DescribeAndForget(IReadOnlyCollection<EngineImage> images)
    {
        store().Describe(
            images.Select(image => new ImageDescription(image.ImageId, image.Names.ToList(), image.SizeBytes)));
        foreach (var gone in store().ForgetMissing(images.Select(image => image.ImageId).Concat(ListNonImageIds())))
            log.ForgotGone(gone);
    }

    /// <summary>Replaces names and short IDs that were recorded by full IDs, and logs those without an image.</summary>
    private async Task FindByNamesAsync(CancellationToken cancellationToken)
    {
        foreach (var written in ListNonImageIds())
        {
            try
            {
                if (await engine.FindImageAsync(written, cancellationToken).ConfigureAwait(false) is not { } image)
                    continue;
                Attempt.IfThereIsRoom(() =>
                {
                    store().RecordUse(image.ImageId); // As used now: a later time is always safe.
                    store().Forget(written);
                    log.FoundByName(image.ImageId, written);
                });
            }
            catch (TimeoutException)
            {
                break; // The next cleanup looks for this image and the rest.
            }
            catch (Exception exception) when (Attempt.ConcernsOneCall(exception))
            {
                // The engine refuses the text, so it has no image of that name.
            }
        }

        var left = ListNonImageIds();
        if (left.Count > 0)
            log.NonImageIds(left.Count, string.Join(", ", left));
    }

    private List<string> ListNonImageIds() =>
        [.. store().List().Select(image => image.ImageId).Where(id => !engine.IsImageId(id))];

    /// <param name="images">All images of the engine.</param>
    /// <param name="inUse">The IDs of the images that containers use.</param>
    /// <param name="isForRoom">Whether images are removed early, to make room on a full disk.</param>
    private PruneOptions OptionsFor(
        IReadOnlyCollection<EngineImage> images, IReadOnlySet<string> inUse, bool isForRoom)
    {
        var tracked = store().List();
        var kept = _kept.Among(images, tracked, inUse, store().ListKept());
        var listed = images.Select(image => image.ImageId).ToHashSet(StringComparer.Ordinal);
        foreach (var imageId in tracked.Select(image => image.ImageId).Where(imageId => !listed.Contains(imageId)))
        {
            // Its removal would count as success, although the engine may only have missed it in this list.
            // ForgetMissing decides whether it is gone.
            kept[imageId] = engine.IsImageId(imageId)
                ? "the engine does not list it"
                : "it is not an image ID of this engine";
        }

        foreach (var image in images.Where(image => isForRoom && image.UniqueBytes == 0))
            kept.TryAdd(image.ImageId, "its removal would free nothing");

        var threshold = options.Value.ImageAgeCleanupThreshold;
        return new PruneOptions
        {
            // MinimumAge can be the longer of the two, and then does not keep what expired.
            Threshold = isForRoom && options.Value.MinimumAge < threshold ? options.Value.MinimumAge : threshold,
            Keep = kept,
            Parents = images.Where(image => image.ParentId is not null).DistinctBy(image => image.ImageId)
                .ToDictionary(image => image.ImageId, image => image.ParentId!, StringComparer.Ordinal),
            AllowOtherIdForms = true, // The IDs in use come from the engine, not from a person.
        };
    }

    private void ReportMatchingNone(IReadOnlyCollection<EngineImage> images)
    {
        foreach (var (pattern, nearest) in _kept.MatchingNone(images))
            log.KeepsNothing(pattern, nearest is null ? "" : $"; the nearest name is {nearest}");
    }
}
