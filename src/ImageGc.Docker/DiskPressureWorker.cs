using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace ImageGc.Docker;

/// <summary>Removes unused images before their time when the engine's disk is too full, as the kubelet does.</summary>
internal sealed class DiskPressureWorker(
    Cleanup cleanup, IContainerEngine engine, IOptions<ImageGarbageCollectionOptions> options,
    TimeProvider time, ILogger<DiskPressureWorker> log) : BackgroundService
{
    private static readonly TimeSpan Period = TimeSpan.FromMinutes(5);

    /// <returns>Whether the disk was too full.</returns>
    public async Task<bool> RelieveAsync(CancellationToken cancellationToken)
    {
        var used = await MeasureAsync(cancellationToken).ConfigureAwait(false);
        if (used < options.Value.HighThresholdPercent)
            return false;

        log.DiskFull(used);
        await cleanup.RunAsync(
            options.Value.MinimumAge,
            async cancel => await MeasureAsync(cancel).ConfigureAwait(false) <= options.Value.LowThresholdPercent,
            cancellationToken).ConfigureAwait(false);

        used = await MeasureAsync(cancellationToken).ConfigureAwait(false);
        if (used > options.Value.LowThresholdPercent)
            log.DiskStillFull(used);
        return true;
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (!options.Value.Enabled || options.Value.HighThresholdPercent is null)
            return;
        try
        {
            await Task.Delay(options.Value.StartDelay, time, stoppingToken).ConfigureAwait(false);
            while (true)
            {
                await TryRelieveAsync(stoppingToken).ConfigureAwait(false);
                await Task.Delay(Period, time, stoppingToken).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
        }
    }

    private async Task TryRelieveAsync(CancellationToken stoppingToken)
    {
        try
        {
            await RelieveAsync(stoppingToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            throw;
        }
#pragma warning disable CA1031 // The host outlives every failure, and the next look comes.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            log.DiskFailed(exception);
        }
    }

    private async Task<double> MeasureAsync(CancellationToken cancellationToken) =>
        (await engine.MeasureDiskAsync(cancellationToken).ConfigureAwait(false)).UsedPercent;
}
