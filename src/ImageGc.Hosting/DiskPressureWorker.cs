using ImageGc.Sqlite;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace ImageGc.Hosting;

/// <summary>Removes unused images before their time when the engine's disk is too full, as the kubelet does.</summary>
internal sealed class DiskPressureWorker(
    Cleanup cleanup, ImageDisk disk, IOptions<ImageGarbageCollectionOptions> options,
    HostState state, Health health, TimeProvider time, ILogger<DiskPressureWorker> log) : BackgroundService
{
    private static readonly TimeSpan TryAgainAfter = TimeSpan.FromHours(1);

    /// <summary>When removals last failed or freed nothing; null if they did not.</summary>
    private long? _freedNothingAt;

    /// <summary>Makes room if the disk is too full.</summary>
    /// <returns>What was removed for that.</returns>
    /// <exception cref="DiskStillFullException">It is too full still.</exception>
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

        if (_freedNothingAt is { } at && time.GetElapsedTime(at) >= TryAgainAfter)
            _freedNothingAt = null;
        if (_freedNothingAt is null && await cleanup.CanMakeRoomAsync(cancellationToken).ConfigureAwait(false))
        {
            log.DiskFull(before, high, low);
            var relief = new DiskRelief(disk, high, low, time);
            result = await cleanup.RunAsync(PruneKind.DiskPressure, progress, relief, cancellationToken)
                .ConfigureAwait(false);
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
            ? "The last removals failed or freed nothing on it: images may lie on another disk "
                + $"({nameof(options.Value.ImageDirectory)} says which), or something takes what they free."
            : "No other unused image can go now.";
        // Without the numbers, which change at each look: what is said anew is written anew.
        health.Report(HostPart.Disk, new DiskStillFullException($"The disk is too full: {high.Demand}. {why}"));
        var shares = await DescribeAsync(after, cancellationToken).ConfigureAwait(false);
        throw new DiskStillFullException($"The disk is {after}; {high.Demand}. {why}{shares}");
    }

    /// <summary>Whether images go before their time now.</summary>
    public async Task<bool> IsTooFullAsync(CancellationToken cancellationToken) =>
        options.Value.HighThreshold is { } high
        && high.IsReachedBy(await disk.MeasureAsync(cancellationToken).ConfigureAwait(false));

    /// <summary>A typing error must not cost every unused image.</summary>
    private static void RequirePossible(DiskUsage usage, DiskThreshold high, DiskThreshold low)
    {
        if (!high.IsPossibleOn(usage) || !low.IsPossibleOn(usage))
            throw new NotSupportedException(
                $"The disk has {SizeText.Format(usage.UsedBytes + usage.AvailableBytes)} in all, so that "
                + $"{(high.IsPossibleOn(usage) ? low : high)} is never reached. Nothing is removed for that. Correct "
                + $"{nameof(ImageGarbageCollectionOptions.HighThreshold)} or "
                + $"{nameof(ImageGarbageCollectionOptions.LowThreshold)}.");
    }

    /// <summary>What fills the disk, as far as the engine says so.</summary>
    private async Task<string> DescribeAsync(DiskUsage usage, CancellationToken cancellationToken)
    {
        var shares = "";
        await Attempt.FailureOfAsync(
            async cancel => shares = $" {await cleanup.DescribeDiskAsync(usage, cancel).ConfigureAwait(false)}",
            cancellationToken).ConfigureAwait(false);
        return shares;
    }

    private void Say(Exception failure)
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

        log.FirstLook(options.Value.HighThreshold!.Value, options.Value.StartDelay, options.Value.DiskCheckInterval);
        await Task.Delay(options.Value.StartDelay, time, stoppingToken).ConfigureAwait(false);
        string? said = null;
        while (true)
        {
            var failure = await Attempt.FailureOfAsync(cancel => RelieveAsync(progress: null, cancel), stoppingToken)
                .ConfigureAwait(false);
            if (failure is null && said == nameof(DiskStillFullException))
                log.DiskHasRoom();
            if (failure is not (null or DiskStillFullException))
                health.Report(HostPart.Disk, failure);
            if (failure is not null && Health.CannotGoOn(failure))
                return;
            // That it stays full is said once: the numbers in it change at each look.
            var saying = failure is DiskStillFullException ? nameof(DiskStillFullException) : failure?.Message;
            if (failure is not null && saying != said)
                Say(failure);
            said = saying;
            await Task.Delay(options.Value.DiskCheckInterval, time, stoppingToken).ConfigureAwait(false);
        }
    }
}
