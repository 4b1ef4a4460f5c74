using ImageGc.Sqlite;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace ImageGc.Hosting;

/// <summary>Removes images on schedule. Nothing that happens in it ends the host.</summary>
internal sealed class CleanupWorker(
    Cleanup cleanup, Func<ImageUseStore> store, IOptions<ImageGarbageCollectionOptions> options,
    CleanupHealth health, TimeProvider time, ILogger<CleanupWorker> log) : BackgroundService
{
    /// <summary>The clock may be set while it waits, so it checks at least this often.</summary>
    private static readonly TimeSpan PollInterval = TimeSpan.FromMinutes(1);

    private static readonly TimeSpan RetryAfter = TimeSpan.FromMinutes(15);

    /// <summary>A clock that is set by less is being adjusted, not set right.</summary>
    private static readonly TimeSpan ClockSet = TimeSpan.FromMinutes(1);

    private readonly CleanupSchedule _schedule = new(options.Value.CleanupTime, options.Value.CleanupRecurrence);
    private readonly long _started = time.GetTimestamp();

    /// <summary>When the host started, by the wall clock as it is now.</summary>
    private DateTimeOffset _startedAt = time.GetUtcNow();

    /// <summary>How long the host had run when the wall clock was last set.</summary>
    private TimeSpan _clockSetAfter;

    /// <summary>Whether a run failed half-way: the history shows it like any other.</summary>
    private bool _unfinished;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        LogTrackedImages();
        if (!options.Value.Enabled)
        {
            log.Disabled();
            return;
        }

        while (await Attempt.FailureOfAsync(cleanup.BeginAsync, stoppingToken).ConfigureAwait(false)
            is ImageUseStoreException { Reason: StoreErrorReason.Busy } refused)
        {
            health.LastFailure = refused;
            log.CleanupFailed(refused, RetryAfter);
            await Task.Delay(RetryAfter, time, stoppingToken).ConfigureAwait(false);
        }

        await Task.Delay(options.Value.StartDelay, time, stoppingToken).ConfigureAwait(false);
        while (true)
        {
            health.LastFailure = await Attempt.FailureOfAsync(CleanUpWhenDueAsync, stoppingToken).ConfigureAwait(false);
            if (health.LastFailure is { } failure)
            {
                log.CleanupFailed(failure, RetryAfter);
                await Task.Delay(RetryAfter, time, stoppingToken).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Logged at start, while an operator is likely to read the log.</summary>
    private void LogTrackedImages()
    {
        try
        {
            log.Opened(options.Value.DatabasePath, store().Count());
        }
        catch (Exception exception) when (exception is ImageUseStoreException or ObjectDisposedException)
        {
            log.NotOpened(exception);
        }
    }

    private async Task CleanUpWhenDueAsync(CancellationToken stoppingToken)
    {
        if (!_unfinished)
            await WaitUntilDueAsync(stoppingToken).ConfigureAwait(false);
        _unfinished = true;
        await cleanup.RunAsync(stoppingToken).ConfigureAwait(false);
        _unfinished = false;
    }

    private async Task WaitUntilDueAsync(CancellationToken stoppingToken)
    {
        DateTimeOffset? announced = null;
        while (true)
        {
            store().CorrectTimes(); // So that other programs read correct times.
            var now = time.GetUtcNow();
            var due = _schedule.NextAfter(LastRun(), now, time.LocalTimeZone);
            // A run that failed is tried again before this, so only the database could not be read.
            health.LastFailure = null;
            var isClockSettled = IsClockSettled(now);
            if ((due is null || due <= now) && isClockSettled)
                return;
            if (due is { } next && due != announced)
                log.NextCleanup(next);
            announced = due;
            var left = due > now ? due.Value - now : PollInterval;
            await Task.Delay(left < PollInterval ? left : PollInterval, time, stoppingToken).ConfigureAwait(false);
        }
    }

    /// <summary>A device that starts with a wrong clock gets time to set it before ages are judged by it.</summary>
    private bool IsClockSettled(DateTimeOffset now)
    {
        var runningFor = time.GetElapsedTime(_started);
        if ((now - runningFor - _startedAt).Duration() > ClockSet)
            (_startedAt, _clockSetAfter) = (now - runningFor, runningFor);
        return runningFor - _clockSetAfter >= options.Value.ClockSettleTime;
    }

    private DateTimeOffset? LastRun() => store().LastPrune(PruneKind.Scheduled)?.PrunedAt;
}
