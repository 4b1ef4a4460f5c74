using System.Runtime.ExceptionServices;
using ImageGc.Sqlite;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace ImageGc.Hosting;

/// <summary>All that removes images, and rows of images that are gone: one at a time.</summary>
internal sealed class Cleanup(
    Func<ImageUseStore> store, IContainerEngine engine, IOptions<ImageGarbageCollectionOptions> options,
    Metrics metrics, TimeProvider time, ILogger<Cleanup> log) : IDisposable
{
    private readonly SemaphoreSlim _oneAtATime = new(1, 1);
    private readonly KeptImages _kept = new(options.Value.KeepImages);

    /// <summary>Removes every image that was unused for the configured time.</summary>
    public Task<PruneResult> RunAsync(CancellationToken cancellationToken) =>
        RunAsync(new PruneOptions(), cancellationToken);

    /// <summary>Removes the images that were unused for the time given, oldest use first, until it is enough.</summary>
    public Task<PruneResult> RunAsync(PruneOptions prune, CancellationToken cancellationToken) => AloneAsync(async () =>
    {
        var started = time.GetTimestamp();
        var images = await engine.ListImagesAsync(cancellationToken).ConfigureAwait(false);
        var run = new RemovalRun(engine, images, metrics, log, prune.Enough);
        var pruneOptions = new PruneOptions
        {
            Threshold = prune.Threshold,
            Kind = prune.Kind,
            Keep = Kept(images),
            Enough = run.IsEnoughAsync,
        };
        PruneResult result;
        try
        {
            // What is in use is asked last, so that it is as fresh as can be.
            var inUse = await ListImagesInUseAsync(cancellationToken).ConfigureAwait(false);
            result = await store().PruneAsync(inUse, run.RemoveAsync, pruneOptions, cancellationToken)
                .ConfigureAwait(false);
        }
        finally
        {
            metrics.Ran(time.GetElapsedTime(started));
        }

        if (run.EngineGone is { } gone)
            ExceptionDispatchInfo.Throw(gone);
        return result;
    }, cancellationToken);

    /// <summary>The verdict on every tracked image, if images were removed on schedule now.</summary>
    public async Task<IReadOnlyList<PruneVerdict>> PreviewAsync(CancellationToken cancellationToken)
    {
        var kept = Kept(await engine.ListImagesAsync(cancellationToken).ConfigureAwait(false));
        var inUse = await ListImagesInUseAsync(cancellationToken).ConfigureAwait(false);
        return store().ExplainPrune(
            inUse, new PruneOptions { Threshold = options.Value.ImageAgeCleanupThreshold, Keep = kept });
    }

    private async Task<IReadOnlyCollection<string>> ListImagesInUseAsync(CancellationToken cancellationToken)
    {
        var containers = await engine.ListContainersAsync(cancellationToken).ConfigureAwait(false);
        return containers.SelectMany(container => container.ImageIds).ToHashSet(StringComparer.Ordinal);
    }

    private string[] Kept(IReadOnlyCollection<EngineImage> images) =>
        [.. images.Where(_kept.Include).Select(image => image.ImageId)];

    /// <summary>Forgets the tracked images that the engine does not have any more.</summary>
    public Task ForgetVanishedAsync(CancellationToken cancellationToken) => AloneAsync(async () =>
    {
        var tracked = store().List(); // Before the engine is asked: what is pulled and recorded meanwhile is not in it.
        var images = await engine.ListImagesAsync(cancellationToken).ConfigureAwait(false);
        var existing = images.Select(image => image.ImageId).ToHashSet(StringComparer.Ordinal);
        var vanished = tracked.Where(image => !existing.Contains(image.ImageId)).ToList();
        foreach (var image in store().ForgetGone(vanished))
            log.ForgotVanished(image.ImageId);
        return vanished.Count;
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
}
