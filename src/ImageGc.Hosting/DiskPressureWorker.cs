using ImageGc.Sqlite;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace ImageGc.Hosting;

/// <summary>Removes unused images before their time when the engine's disk is too full, as the kubelet does.</summary>
internal sealed class DiskPressureWorker(
    Cleanup cleanup, ImageDisk disk, IOptions<ImageGarbageCollectionOptions> options,
    Health health, TimeProvider time, ILogger<DiskPressureWorker> log) : BackgroundService
{
    /// <summary>Whether the last removals freed nothing: no more are tried until there was room again.</summary>
    private bool _inVain;

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
        if (high.MarginOf(before) > 0)
        {
            _inVain = false;
            health.Report(HostPart.Disk, failure: null);
            return result;
        }

        if (!_inVain)
        {
            log.DiskFull(before, low);
            var relief = new DiskRelief(disk, low, time);
            result = await cleanup.RunAsync(progress, relief, cancellationToken).ConfigureAwait(false);
            _inVain = relief.IsInVain;
        }

        var after = await disk.MeasureAsync(cancellationToken).ConfigureAwait(false);
        if (low.MarginOf(after) >= 0)
        {
            health.Report(HostPart.Disk, failure: null);
            return result;
        }

        var why = _inVain
            ? "The last removals freed nothing on it, so images may lie on another disk "
                + $"({nameof(options.Value.ImageDirectory)} says which), or something takes what they free."
            : "No other unused image may go for that.";
        var stillFull = new DiskStillFullException($"The disk is {after}, to stay below {high}. {why} "
            + await cleanup.DescribeDiskAsync(after, cancellationToken).ConfigureAwait(false));
        var isTooFull = high.MarginOf(after) <= 0;
        // Without the numbers, which change at each look: what is said anew is written anew.
        health.Report(
            HostPart.Disk, isTooFull ? new DiskStillFullException($"The disk is fuller than {high}. {why}") : null);
        if (isTooFull)
            throw stillFull;
        log.DiskStillFull(stillFull.Message);
        return result;
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (!options.Value.Enabled || options.Value.HighThreshold is null)
        {
            health.TurnOff(HostPart.Disk);
            return;
        }

        await Task.Delay(options.Value.DiskCheckInterval, time, stoppingToken).ConfigureAwait(false);
        while (true)
        {
            var failure = await Attempt.FailureOfAsync(cancel => RelieveAsync(progress: null, cancel), stoppingToken)
                .ConfigureAwait(false);
            if (failure is DiskStillFullException)
                log.DiskStillFull(failure.Message);
            else if (failure is not null)
            {
                health.Report(HostPart.Disk, failure);
                if (Health.CannotGoOn(failure))
                    return;
                log.DiskFailed(failure, options.Value.DiskCheckInterval);
            }

            await Task.Delay(options.Value.DiskCheckInterval, time, stoppingToken).ConfigureAwait(false);
        }
    }
}
