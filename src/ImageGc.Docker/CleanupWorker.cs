using ImageGc.Sqlite;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace ImageGc.Docker;

/// <summary>Removes images on schedule. Nothing that happens in it ends the host.</summary>
internal sealed class CleanupWorker(
    Cleanup cleanup, Func<ImageUseStore> store, IOptions<ImageGarbageCollectionOptions> options,
    CleanupStatus status, TimeProvider time, ILogger<CleanupWorker> log) : BackgroundService
{
    /// <summary>The clock may be set while it waits, so it looks at it again and again.</summary>
    private static readonly TimeSpan LongestNap = TimeSpan.FromMinutes(1);

    private static readonly TimeSpan RetryAfter = TimeSpan.FromMinutes(15);

    private readonly CleanupSchedule _schedule = new(options.Value.CleanupTime, options.Value.CleanupRecurrence);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (!options.Value.Enabled)
        {
            log.Disabled();
            return;
        }

        try
        {
            await Task.Delay(options.Value.StartDelay, time, stoppingToken).ConfigureAwait(false);
            while (true)
            {
                if (!await TryCleanUpWhenDueAsync(stoppingToken).ConfigureAwait(false))
                    await Task.Delay(RetryAfter, time, stoppingToken).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
        }
    }

    private async Task<bool> TryCleanUpWhenDueAsync(CancellationToken stoppingToken)
    {
        try
        {
            await WaitUntilDueAsync(stoppingToken).ConfigureAwait(false);
            await cleanup.RunAsync(stoppingToken).ConfigureAwait(false);
            status.LastFailure = null;
            return true;
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            throw;
        }
#pragma warning disable CA1031 // The host outlives every failure, and the next run comes.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            status.LastFailure = exception;
            log.CleanupFailed(exception, RetryAfter);
            return false;
        }
    }

    private async Task WaitUntilDueAsync(CancellationToken stoppingToken)
    {
        DateTimeOffset? announced = null;
        while (true)
        {
            var now = time.GetUtcNow();
            var due = _schedule.NextAfter(LastRun(), now, time.LocalTimeZone);
            if (due <= now)
                return;
            if (due != announced)
                log.NextCleanup(due);
            announced = due;
            var left = due - now;
            await Task.Delay(left < LongestNap ? left : LongestNap, time, stoppingToken).ConfigureAwait(false);
        }
    }

    /// <summary>The last full run: those for a full disk have another threshold, and stop when it is enough.</summary>
    private DateTimeOffset? LastRun()
    {
        var threshold = TimeSpan.FromSeconds(Math.Ceiling(options.Value.ImageAgeCleanupThreshold.TotalSeconds));
        return store().ListPrunes().FirstOrDefault(run => run.Threshold == threshold)?.PrunedAt;
    }
}
