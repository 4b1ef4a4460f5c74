using System.Runtime.ExceptionServices;
using ImageGc.Sqlite;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace ImageGc.Hosting;

internal sealed class ImageGarbageCollector(
    Tracking tracking, Cleanup cleanup, DiskPressureWorker diskPressure, HostState state,
    IContainerEngine engine, Func<ImageUseStore> store,
    IOptions<ImageGarbageCollectionOptions> options, ILogger<ImageGarbageCollector> log) : IImageGarbageCollector
{
    public Task<PruneResult> RunAsync(CancellationToken cancellationToken) =>
        RunAsync(progress: null, cancellationToken);

    public async Task<PruneResult> RunAsync(IProgress<PruneOutcome>? progress, CancellationToken cancellationToken)
    {
        if (state.IsRunning)
            return await CollectAsync(progress, cancellationToken).ConfigureAwait(false);
        PruneResult? result = null;
        var failure = await Attempt.FailureOfAsync(
            async cancel => result = await RunOnceAsync(progress, cancel).ConfigureAwait(false), cancellationToken)
            .ConfigureAwait(false);
        state.Report(HostPart.Cleanup, failure, since: null);
        state.Stop();
        if (failure is not null)
            ExceptionDispatchInfo.Throw(failure);
        return result!;
    }

    /// <summary>Cleans up without a running host, in whose place it holds the lock and stores the status.</summary>
    private async Task<PruneResult> RunOnceAsync(
        IProgress<PruneOutcome>? progress, CancellationToken cancellationToken)
    {
        if (options.Value.Enabled)
            cleanup.Lock();
        else
            state.Own();
        return await CollectAsync(progress, cancellationToken).ConfigureAwait(false);
    }

    private async Task<PruneResult> CollectAsync(
        IProgress<PruneOutcome>? progress, CancellationToken cancellationToken)
    {
        if (options.Value.WatchContainers)
        {
            foreach (var removed in await tracking.CatchUpAsync(cancellationToken).ConfigureAwait(false))
            {
                var failure = await Attempt.FailureOfAsync(
                    cancel => cleanup.ForgetIfGoneAsync(removed, cancel), cancellationToken).ConfigureAwait(false);
                if (failure is not null)
                    log.GoneUnknown(failure, removed);
            }
        }

        if (!options.Value.Enabled)
            return new PruneResult([], [], [], []);
        var result = await cleanup
            .RunAsync(PruneKind.Scheduled, progress, relief: null, cancellationToken).ConfigureAwait(false);
        var relief = await diskPressure.RelieveAsync(progress, cancellationToken).ConfigureAwait(false);
        // The second run may have tried an image again that failed in the first one. Then only its outcome counts.
        var tried = relief.Removed.Concat(relief.Failed.Select(failed => failed.Image))
            .Select(image => image.ImageId).ToHashSet(StringComparer.Ordinal);
        return new PruneResult(
            [.. result.Removed, .. relief.Removed],
            [.. result.UsedMeanwhile, .. relief.UsedMeanwhile],
            [.. result.Failed.Where(failed => !tried.Contains(failed.Image.ImageId)), .. relief.Failed],
            []); // Images that were left can stay, because the disk has enough room.
    }

    public async Task<IReadOnlyList<PruneVerdict>> PreviewAsync(CancellationToken cancellationToken) =>
        await cleanup.PreviewAsync(
            isForRoom: await diskPressure.IsTooFullAsync(cancellationToken).ConfigureAwait(false),
            cancellationToken).ConfigureAwait(false);

    public Task<string> AcceptEngineAsync(CancellationToken cancellationToken) =>
        cleanup.AcceptEngineAsync(cancellationToken);

    public async Task<IReadOnlyList<UntrackedImage>> ListUntrackedAsync(CancellationToken cancellationToken)
    {
        var images = await engine.ListImagesAsync(cancellationToken).ConfigureAwait(false);
        var containers = await engine.ListContainersAsync(cancellationToken).ConfigureAwait(false);
        var tracked = store().List().Select(image => image.ImageId).ToHashSet(StringComparer.Ordinal);
        return
        [
            .. images.Where(image => !tracked.Contains(image.ImageId)).DistinctBy(image => image.ImageId)
                .Select(image => UntrackedImage.Of(image, containers, options.Value)),
        ];
    }
}
