using System.Runtime.ExceptionServices;
using ImageGc.Sqlite;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace ImageGc.Hosting;

/// <summary>All that removes images, and rows of images that are gone: one at a time.</summary>
internal sealed class Cleanup(
    Func<ImageUseStore> store, IContainerEngine engine, IOptions<ImageGarbageCollectionOptions> options,
    ImageDisk disk, HostState state, CleanupRequests requests, Metrics metrics, TimeProvider time,
    ILogger<Cleanup> log) : IDisposable
{
    /// <summary>The note that names the engine whose images are tracked.</summary>
    private const string EngineNote = "engine";

    private readonly SemaphoreSlim _oneAtATime = new(1, 1);
    private readonly KeptImages _kept = new(options.Value);

    /// <summary>Keeps other programs from cleaning up.</summary>
    public void Lock()
    {
        store().LockPrunes();
        requests.Open();
        state.Own();
    }

    /// <summary>Reports early what would prevent a cleanup, and rules that keep no image.</summary>
    public async Task CheckEngineAsync(CancellationToken cancellationToken)
    {
        await RequireSameEngineAsync(cancellationToken).ConfigureAwait(false);
        ReportMatchingNone(await engine.ListImagesAsync(cancellationToken).ConfigureAwait(false));
    }

    /// <summary>Removes the images that expired; for a full disk also younger ones, until there is room.</summary>
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
            Attempt.IfThereIsRoom(() =>
                store().RecordUse([], new Dictionary<string, string> { [EngineNote] = first }));
        }

        var images = await engine.ListImagesAsync(cancellationToken).ConfigureAwait(false);
        await FindByNamesAsync(cancellationToken).ConfigureAwait(false);
        Attempt.IfThereIsRoom(() => WriteDown(images));

        ReportMatchingNone(images);
        var run = new RemovalRun(engine, store(), images, disk, relief, metrics, log);
        PruneResult result;
        try
        {
            // What is in use is asked last, so that it is as fresh as can be.
            var inUse = await RemovalRun.ListInUseAsync(engine, cancellationToken).ConfigureAwait(false);
            var prune = OptionsFor(images, inUse, isForRoom: relief is not null);
            prune.Kind = kind;
            prune.Enough = run.IsEnoughAsync;
            prune.Freed = run.FreedBy;
            prune.Progress = progress;
            result = await store().PruneAsync(inUse, run.RemoveAsync, prune, cancellationToken)
                .ConfigureAwait(false);
        }
        finally
        {
            metrics.Ran(time.GetElapsedTime(started));
        }

        if (run.EngineGone is { } failure)
            ExceptionDispatchInfo.Throw(failure);
        return result;
    }

    /// <summary>The verdict on every tracked image, if images were removed now.</summary>
    public async Task<IReadOnlyList<PruneVerdict>> PreviewAsync(bool isForRoom, CancellationToken cancellationToken)
    {
        await RequireSameEngineAsync(cancellationToken).ConfigureAwait(false);
        var images = await engine.ListImagesAsync(cancellationToken).ConfigureAwait(false);
        ReportMatchingNone(images);
        return await ExplainAsync(images, isForRoom, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Whether an image may go that makes room.</summary>
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

    /// <summary>What fills a disk on which no image is left that may go, for a person who has to make room.</summary>
    public async Task<string> DescribeDiskAsync(DiskUsage usage, CancellationToken cancellationToken)
    {
        var images = await engine.ListImagesAsync(cancellationToken).ConfigureAwait(false);
        var inUse = await RemovalRun.ListInUseAsync(engine, cancellationToken).ConfigureAwait(false);
        var verdicts = store().ExplainPrune(inUse, OptionsFor(images, inUse, isForRoom: true))
            .ToDictionary(verdict => verdict.Image.ImageId, verdict => verdict.Reason, StringComparer.Ordinal);
        return DiskShares.Describe(images, inUse, verdicts, usage);
    }

    /// <summary>Takes the engine as it is now for the one whose images are tracked.</summary>
    public Task<string> AcceptEngineAsync(CancellationToken cancellationToken) => AloneAsync(async () =>
    {
        var identity = await engine.IdentifyAsync(cancellationToken).ConfigureAwait(false);
        List<string> tracked = [.. store().List().Select(image => image.ImageId)];
        store().ForgetMissing(tracked); // The other one missed them, not this.
        // Of how long they have been unused here nothing is known.
        var isOther = store().FindNote(EngineNote) is { } noted && noted != identity;
        store().RecordUse(isOther ? tracked : [], new Dictionary<string, string> { [EngineNote] = identity });
        return identity;
    }, cancellationToken);

    /// <summary>Forgets an image of which the engine said that it was removed.</summary>
    public Task ForgetIfGoneAsync(string imageId, CancellationToken cancellationToken) => AloneAsync(async () =>
    {
        if (!ImageId.IsValid(imageId) || store().Find(imageId) is not { } tracked)
            return false;
        await RequireSameEngineAsync(cancellationToken).ConfigureAwait(false);
        if (await engine.FindImageAsync(imageId, cancellationToken).ConfigureAwait(false) is not null)
            return false;
        foreach (var gone in store().ForgetGone([tracked]))
            log.ForgotGone(gone);
        return true;
    }, cancellationToken);

    public void Dispose() => _oneAtATime.Dispose();

    /// <summary>Waits for whatever else removes, and keeps it waiting.</summary>
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

    /// <summary>
    /// Another store of images holds other ones, and what is tracked would be taken for gone: Docker 29 has a new
    /// store, and the old one comes back with Docker 28.
    /// </summary>
    /// <returns>The engine if none was noted yet, otherwise null.</returns>
    private async Task<string?> RequireSameEngineAsync(CancellationToken cancellationToken)
    {
        var now = await engine.IdentifyAsync(cancellationToken).ConfigureAwait(false);
        return store().FindNote(EngineNote) switch
        {
            null => now,
            var noted when noted == now => null,
            var noted => throw new EngineChangedException(
                $"{engine} has another store of images than the one whose images are tracked: it was '{noted}' and is "
                + $"'{now}'. Nothing is removed or forgotten. If that is meant, run 'imagegc accept-engine'."),
        };
    }

    private void WriteDown(IReadOnlyCollection<EngineImage> images)
    {
        store().Describe(
            images.Select(image => new ImageDescription(image.ImageId, image.Names.ToList(), image.SizeBytes)));
        foreach (var gone in store().ForgetMissing(images.Select(image => image.ImageId).Concat(NoImageIds())))
            log.ForgotGone(gone);
    }

    /// <summary>Finds the images that were recorded by a name or a short ID; reports those that it does not.</summary>
    private async Task FindByNamesAsync(CancellationToken cancellationToken)
    {
        foreach (var written in NoImageIds())
        {
            try
            {
                if (await engine.FindImageAsync(written, cancellationToken).ConfigureAwait(false) is not { } image)
                    continue;
                Attempt.IfThereIsRoom(() =>
                {
                    store().RecordUse(image.ImageId); // Its last use is not taken over: later is safe.
                    store().Forget(written);
                    log.FoundByName(image.ImageId, written);
                });
            }
            catch (TimeoutException)
            {
                break; // The next cleanup looks for this one and the rest.
            }
            catch (Exception exception) when (Attempt.ConcernsOneCall(exception))
            {
                // What the engine refuses to look for, it does not find either.
            }
        }

        var left = NoImageIds();
        if (left.Count > 0)
            log.NoImageIds(left.Count, string.Join(", ", left));
    }

    private List<string> NoImageIds() =>
        [.. store().List().Select(image => image.ImageId).Where(id => !engine.IsImageId(id))];

    /// <param name="images">All that the engine has.</param>
    /// <param name="inUse">The IDs of those that a container uses.</param>
    /// <param name="isForRoom">Whether images go before their time, to make room on a full disk.</param>
    private PruneOptions OptionsFor(
        IReadOnlyCollection<EngineImage> images, IReadOnlySet<string> inUse, bool isForRoom)
    {
        var tracked = store().List();
        var kept = _kept.Among(images, tracked, inUse, store().ListKept());
        var listed = images.Select(image => image.ImageId).ToHashSet(StringComparer.Ordinal);
        foreach (var imageId in tracked.Select(image => image.ImageId).Where(imageId => !listed.Contains(imageId)))
        {
            // No rule could match it. ForgetMissing decides whether it is gone.
            kept[imageId] = engine.IsImageId(imageId)
                ? "the engine does not list it"
                : "it is not an image ID of this engine";
        }

        foreach (var image in images.Where(image => isForRoom && image.UniqueBytes == 0))
            kept.TryAdd(image.ImageId, "its removal would free nothing");

        var threshold = options.Value.ImageAgeCleanupThreshold;
        return new PruneOptions
        {
            Threshold = isForRoom && options.Value.MinimumAge < threshold ? options.Value.MinimumAge : threshold,
            Keep = kept,
            Parents = images.Where(image => image.ParentId is not null).DistinctBy(image => image.ImageId)
                .ToDictionary(image => image.ImageId, image => image.ParentId!, StringComparer.Ordinal),
            AllowOtherIdForms = true, // They are the engine's own.
        };
    }

    private void ReportMatchingNone(IReadOnlyCollection<EngineImage> images)
    {
        foreach (var (pattern, nearest) in _kept.MatchingNone(images))
            log.KeepsNothing(pattern, nearest is null ? "" : $"; the nearest name is {nearest}");
    }
}
