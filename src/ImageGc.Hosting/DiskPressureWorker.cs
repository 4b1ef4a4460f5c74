using ImageGc.Sqlite;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace ImageGc.Hosting;

/// <summary>Removes unused images early when the engine's disk is too full.</summary>
/// <remarks>
/// Two thresholds and a minimum age, as the kubelet has them:
/// https://kubernetes.io/docs/concepts/architecture/garbage-collection/#container-image-lifecycle.
/// </remarks>
internal sealed class DiskPressureWorker(
    Cleanup cleanup, ImageDisk disk, IOptions<ImageGarbageCollectionOptions> options,
    HostState state, Health health, TimeProvider time, ILogger<DiskPressureWorker> log) : BackgroundService
{
    /// <summary>How long no image is removed early after removals failed or freed nothing.</summary>
    private static readonly TimeSpan RetryAfter = TimeSpan.FromHours(1);

    /// <summary>The timestamp at which removals failed or freed nothing; null if the last ones freed space.</summary>
    private long? _freedNothingAt;

    /// <summary>Removes images early if the disk is too full.</summary>
    /// <returns>What was removed early.</returns>
    /// <exception cref="DiskStillFullException">The disk is still too full.</exception>
    public async Task<PruneResult> RelieveAsync(
        IProgress<PruneOutcome>? progress, CancellationToken cancellationToken)
    {
        var result = new PruneResult([], [], [], []);
        if (options.Value.HighThreshold is not { } high)
            return result;
        var low = options.Value.LowThreshold ?? high.LowByDefault;
        var before = await disk.MeasureAsync(cancellationToken).ConfigureAwait(false);
        RequirePossible(before, high, low);
        if (!high.IsReachedBy(before))
        {
            _freedNothingAt = null;
            health.Report(HostPart.Disk, failure: null);
            return result;
        }

        if (_freedNothingAt is { } at && time.GetElapsedTime(at) >= RetryAfter)
            _freedNothingAt = null;
        if (_freedNothingAt is null && await cleanup.CanMakeRoomAsync(cancellationToken).ConfigureAwait(false))
        {
            log.DiskFull(before, high, low);
            var relief = new DiskRelief(disk, high, low, time);
            result = await cleanup.RunAsync(PruneKind.DiskPressure, progress, relief, cancellationToken)
                .ConfigureAwait(false);
            // Without a pause, every check would remove or try a few more images in vain.
            if (relief.FreesNothing || result is { Removed.Count: 0, Failed.Count: > 0 })
                _freedNothingAt = time.GetTimestamp();
        }

        var after = await disk.MeasureAsync(cancellationToken).ConfigureAwait(false);
        if (result.Removed.Count > 0)
            log.MadeRoom(result.Removed.Count, before, after, high, low);
        if (!high.IsReachedBy(after))
        {
            health.Report(HostPart.Disk, failure: null);
            return result;
        }

        var why = _freedNothingAt is not null
            ? "The last removals failed or freed nothing. If the images are on another disk, set "
                + $"{nameof(options.Value.ImageDirectory)}; otherwise another program may use the freed space."
            : "No other unused image can be removed now.";
        // Without the numbers, which change at each check: every change of the state is written to the database.
        health.Report(HostPart.Disk, new DiskStillFullException($"The disk is too full: {high.Demand}. {why}"));
        var shares = await DescribeAsync(after, cancellationToken).ConfigureAwait(false);
        throw new DiskStillFullException($"The disk is {after}; {high.Demand}. {why}{shares}");
    }

    /// <summary>Whether images would be removed early now.</summary>
    public async Task<bool> IsTooFullAsync(CancellationToken cancellationToken) =>
        options.Value.HighThreshold is { } high
        && high.IsReachedBy(await disk.MeasureAsync(cancellationToken).ConfigureAwait(false));

    /// <summary>Refuses a threshold larger than the disk: a typing error would remove every unused image.</summary>
    private static void RequirePossible(DiskUsage usage, DiskThreshold high, DiskThreshold low)
    {
        if (!high.IsPossibleOn(usage) || !low.IsPossibleOn(usage))
            throw new NotSupportedException(
                $"The disk has {SizeText.Format(usage.UsedBytes + usage.AvailableBytes)} in all and can never have "
                + $"{(high.IsPossibleOn(usage) ? low : high)}. No image is removed early. Correct "
                + $"{nameof(ImageGarbageCollectionOptions.HighThreshold)} or "
                + $"{nameof(ImageGarbageCollectionOptions.LowThreshold)}.");
    }

    /// <summary>Describes what fills the disk; empty if the engine does not answer.</summary>
    private async Task<string> DescribeAsync(DiskUsage usage, CancellationToken cancellationToken)
    {
        var shares = "";
        await Attempt.FailureOfAsync(
            async cancel => shares = $" {await cleanup.DescribeDiskAsync(usage, cancel).ConfigureAwait(false)}",
            cancellationToken).ConfigureAwait(false);
        return shares;
    }

    private void Log(Exception failure)
    {
        if (failure is DiskStillFullException)
            log.DiskStillFull(failure.Message, options.Value.DiskCheckInterval);
        else
            log.DiskFailed(failure, options.Value.DiskCheckInterval);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (state.IsOff(HostPart.Disk))
            return;

        log.FirstDiskCheck(
            options.Value.HighThreshold!.Value, options.Value.StartDelay, options.Value.DiskCheckInterval);
        await Task.Delay(options.Value.StartDelay, time, stoppingToken).ConfigureAwait(false);
        string? logged = null;
        while (true)
        {
            var failure = await Attempt.FailureOfAsync(cancel => RelieveAsync(progress: null, cancel), stoppingToken)
                .ConfigureAwait(false);
            if (failure is null && logged == nameof(DiskStillFullException))
                log.DiskHasRoom();
            if (failure is not (null or DiskStillFullException))
                health.Report(HostPart.Disk, failure);
            if (failure is not null && Health.NeedsRestart(failure))
                return;
            // That the disk stays full is logged once, although the numbers in the message change at each check.
            var problem = failure is DiskStillFullException ? nameof(DiskStillFullException) : failure?.Message;
            if (failure is not null && problem != logged)
                Log(failure);
            logged = problem;
            await Task.Delay(options.Value.DiskCheckInterval, time, stoppingToken).ConfigureAwait(false);
        }
    }
}
