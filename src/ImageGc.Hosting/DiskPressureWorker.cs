using ImageGc.Sqlite;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace ImageGc.Hosting;

/// <summary>Removes unused images before their time when the engine's disk is too full, as the kubelet does.</summary>
internal sealed class DiskPressureWorker(
    Cleanup cleanup, IContainerEngine engine, IOptions<ImageGarbageCollectionOptions> options,
    Health health, TimeProvider time, ILogger<DiskPressureWorker> log) : BackgroundService
{
    private static readonly TimeSpan Period = TimeSpan.FromMinutes(5);

    /// <summary>Makes room if the disk is too full.</summary>
    /// <returns>What was removed for that.</returns>
    public async Task<PruneResult> RelieveAsync(CancellationToken cancellationToken)
    {
        var used = await MeasureAsync(cancellationToken).ConfigureAwait(false);
        if (used < options.Value.HighThresholdPercent)
        {
            health.Report(HostPart.Disk, failure: null);
            return new PruneResult([], [], [], []);
        }

        log.DiskFull(used);
        PruneResult result;
        if (options.Value.MinimumAge < options.Value.ImageAgeCleanupThreshold)
        {
            var makeRoom = new PruneOptions
            {
                Threshold = options.Value.MinimumAge,
                Kind = PruneKind.DiskPressure,
                Enough = IsEnoughAsync,
            };
            result = await cleanup.RunAsync(makeRoom, cancellationToken).ConfigureAwait(false);
        }
        else
        {
            // No younger image may go than on schedule, so this is the scheduled cleanup, brought forward.
            result = await cleanup.RunAsync(cancellationToken).ConfigureAwait(false);
        }

        used = await MeasureAsync(cancellationToken).ConfigureAwait(false);
        if (used > options.Value.LowThresholdPercent)
            log.DiskStillFull(used);
        // Without the number, which changes at each look: what is said anew is written anew.
        health.Report(HostPart.Disk, used >= options.Value.HighThresholdPercent
            ? new IOException($"The disk stays more than {options.Value.HighThresholdPercent}% full although unused "
                + "images were removed as far as they may be.")
            : null);
        return result;
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (!options.Value.Enabled || options.Value.HighThresholdPercent is null)
        {
            health.TurnOff(HostPart.Disk);
            return;
        }

        await Task.Delay(options.Value.StartDelay, time, stoppingToken).ConfigureAwait(false);
        while (true)
        {
            if (await Attempt.FailureOfAsync(RelieveAsync, stoppingToken).ConfigureAwait(false) is { } failure)
            {
                health.Report(HostPart.Disk, failure);
                if (Health.CannotGoOn(failure))
                    return;
                log.DiskFailed(failure, Period);
            }

            await Task.Delay(Period, time, stoppingToken).ConfigureAwait(false);
        }
    }

    private async Task<bool> IsEnoughAsync(CancellationToken cancellationToken) =>
        await MeasureAsync(cancellationToken).ConfigureAwait(false) <= options.Value.LowThresholdPercent;

    private async Task<double> MeasureAsync(CancellationToken cancellationToken) =>
        (await engine.MeasureDiskAsync(cancellationToken).ConfigureAwait(false))?.UsedPercent
        ?? throw new NotSupportedException(
            $"The engine cannot say how full its disk is. Unset {nameof(options.Value.HighThresholdPercent)}.");
}
