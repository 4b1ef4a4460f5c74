using System.Globalization;
using System.Runtime.ExceptionServices;
using ImageGc.Sqlite;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace ImageGc.Hosting;

/// <summary>Removes images on schedule.</summary>
internal sealed class CleanupWorker(
    Cleanup cleanup, CleanupRequests requests, DiskPressureWorker diskPressure, Func<ImageUseStore> store,
    IOptions<ImageGarbageCollectionOptions> options, HostState state, Health health, TimeProvider time,
    ILogger<CleanupWorker> log) : BackgroundService
{
    /// <summary>How often the due time is computed again, because the clock can be set during the wait.</summary>
    private static readonly TimeSpan PollInterval = TimeSpan.FromMinutes(1);

    private static readonly TimeSpan RetryAfter = TimeSpan.FromMinutes(15);

    /// <summary>How often the database is queried for requests of other programs.</summary>
    private static readonly TimeSpan RequestPollInterval = TimeSpan.FromSeconds(5);

    private const string FirstStartNote = "first_start";

    private readonly CleanupSchedule _schedule = new(options.Value.CleanupTime, options.Value.CleanupRecurrence);
    private readonly long _started = time.GetTimestamp();

    /// <summary>When the host started, by the wall clock as it is now.</summary>
    private DateTimeOffset _startedAt = time.GetUtcNow();

    /// <summary>How long the host had run when the wall clock was last set.</summary>
    private TimeSpan _clockSetAfter;

    /// <summary>When the next cleanup is due according to the log; null if the log does not say.</summary>
    private DateTimeOffset? _announced;

    /// <summary>Whether the engine has answered once, so that nothing is known to prevent a cleanup.</summary>
    private bool _isChecked;

    /// <summary>Whether it was reported that the engine does not answer.</summary>
    private bool _isAway;

    /// <summary>Whether the next cleanup makes up for one that was due before the start.</summary>
    private bool _isOverdue;

    /// <summary>
    /// The kind of the run that failed and is tried again; null if there is none. It is kept here because the history
    /// does not show that a run failed.
    /// </summary>
    private PruneKind? _unfinished;

    /// <remarks>
    /// Opens the database here, so that a fatal problem makes the start fail, when an operator is likely to notice.
    /// </remarks>
    public override Task StartAsync(CancellationToken cancellationToken)
    {
        state.Start();
        log.Starting(
            typeof(CleanupWorker).Assembly.GetName().Version!.ToString(fieldCount: 3),
            string.Join(", ", state.Settings.Select(setting => $"{setting.Key} {setting.Value}")));
        try
        {
            log.Opened(store().DatabasePath, store().Count());
        }
        catch (Exception exception) when (exception is ImageUseStoreException or ObjectDisposedException
            && !Health.NeedsRestart(exception))
        {
            if (!options.Value.Enabled) // Otherwise the cleanup fails too, and logs when it is tried again.
                log.NotOpened(exception);
        }

        return base.StartAsync(cancellationToken);
    }

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken).ConfigureAwait(false);
        state.Stop();
        log.Stopped();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (!options.Value.Enabled)
        {
            log.Disabled();
            state.Own();
            return;
        }

        var pause = TimeSpan.Zero;
        while (true)
        {
            var failure = await Attempt.FailureOfAsync(
                cancel => CleanUpWhenDueAsync(pause, cancel), stoppingToken).ConfigureAwait(false);
            health.Report(HostPart.Cleanup, failure);
            pause = failure is null ? TimeSpan.Zero : RetryAfter;
            if (failure is null)
                continue;
            if (Health.NeedsRestart(failure))
                return;
            log.CleanupFailed(failure, RetryAfter);
            state.NextRun(time.GetUtcNow() + RetryAfter);
            _announced = null;
        }
    }

    /// <summary>Waits that long, or until a cleanup is requested.</summary>
    private async Task WaitAsync(TimeSpan longest, CancellationToken stoppingToken)
    {
        var began = time.GetTimestamp();
        while (longest - time.GetElapsedTime(began) is var left && left > TimeSpan.Zero && requests.Next() is null)
        {
            var pause = left < RequestPollInterval ? left : RequestPollInterval;
            await Task.Delay(pause, time, stoppingToken).ConfigureAwait(false);
        }
    }

    private async Task CleanUpWhenDueAsync(TimeSpan pause, CancellationToken stoppingToken)
    {
        await WaitAsync(pause, stoppingToken).ConfigureAwait(false);
        cleanup.Lock();
        // A request that comes later is for the next run.
        var request = _unfinished is null
            ? await WaitUntilDueAsync(stoppingToken).ConfigureAwait(false)
            : requests.Next();
        if (request is not null)
            log.CleanupRequested();
        var kind = request is not null ? PruneKind.Manual : _unfinished ?? PruneKind.Scheduled;
        _unfinished = kind;
        var failure = await Attempt.FailureOfAsync(
            cancel => cleanup.RunAsync(kind, progress: null, relief: null, cancel), stoppingToken)
            .ConfigureAwait(false);
        if (request is not null)
            await AnswerAsync(request, failure, stoppingToken).ConfigureAwait(false);
        if (failure is not null)
            ExceptionDispatchInfo.Throw(failure);
        _unfinished = null;
    }

    /// <summary>Also makes room if the disk is too full, as the caller expects of a cleanup, and answers.</summary>
    private async Task AnswerAsync(string request, Exception? failure, CancellationToken stoppingToken)
    {
        failure ??= await Attempt.FailureOfAsync(
            cancel => diskPressure.RelieveAsync(progress: null, cancel), stoppingToken).ConfigureAwait(false);
        requests.Answer(request, failure is null ? null : HostingLog.Sentence(failure));
    }

    /// <returns>The request to serve; null if the cleanup is due by the schedule.</returns>
    private async Task<string?> WaitUntilDueAsync(CancellationToken stoppingToken)
    {
        while (true)
        {
            await CheckEngineAsync(stoppingToken).ConfigureAwait(false);
            Attempt.IfThereIsRoom(() => store().CorrectTimes()); // For programs that only read the database.
            health.ReportRoom();
            var now = time.GetUtcNow();
            var next = FindNext(now);
            var request = requests.Next();
            if (next <= now || request is not null)
                return request;
            // A run that failed is tried again before this, so what failed was the database, and it works again.
            if (!_isOverdue && _isChecked)
                health.Report(HostPart.Cleanup, failure: null);
            var left = next - now;
            await WaitAsync(left < PollInterval ? left : PollInterval, stoppingToken).ConfigureAwait(false);
        }
    }

    /// <summary>Asks the engine once, so that what prevents a cleanup is reported long before it is due.</summary>
    /// <exception cref="EngineChangedException">The engine was replaced.</exception>
    private async Task CheckEngineAsync(CancellationToken stoppingToken)
    {
        if (_isChecked)
            return;
        var failure = await Attempt.FailureOfAsync(cleanup.CheckEngineAsync, stoppingToken).ConfigureAwait(false);
        if (failure is EngineChangedException or ImageUseStoreException)
            ExceptionDispatchInfo.Throw(failure);
        _isChecked = failure is null;
        if (failure is not null || _isAway)
            health.Report(HostPart.Cleanup, failure);
        if (failure is not null && !_isAway && !options.Value.WatchContainers) // Else TrackingWorker logs it.
            log.EngineUnavailable(failure, PollInterval);
        _isAway = failure is not null;
    }

    /// <summary>
    /// Computes when the next cleanup is due by the clock as it is now. A device that starts with a wrong clock gets
    /// time to set it before ages are judged by it.
    /// </summary>
    private DateTimeOffset FindNext(DateTimeOffset now)
    {
        var runningFor = time.GetElapsedTime(_started);
        if ((now - runningFor - _startedAt).Duration() > HostState.ClockStep)
            (_startedAt, _clockSetAfter) = (now - runningFor, runningFor);

        var settled = _startedAt + _clockSetAfter + options.Value.ClockSettleTime;
        var last = LastRun() ?? FirstStart(isSettled: settled <= now);
        // If it is unknown when the last cleanup was, one is due as soon as the clock has settled.
        var due = _schedule.NextAfter(last, now, time.LocalTimeZone) ?? now;
        _isOverdue = due <= _startedAt;
        if (_isOverdue)
            due = _startedAt + options.Value.StartDelay;
        var next = due > settled ? due : settled;
        if (_announced is not { } announced || (next - announced).Duration() > HostState.ClockStep)
        {
            log.NextCleanup(
                TimeZoneInfo.ConvertTime(next, time.LocalTimeZone),
                (_isOverdue ? ", to make up for one that was missed" : "")
                + (next == due ? "" : ", once the clock has been stable for "
                    + DurationText.Format(options.Value.ClockSettleTime)));
            state.NextRun(next);
        }

        _announced = next;
        return next;
    }

    private DateTimeOffset? LastRun() => store().LastPrune(PruneKind.Scheduled)?.PrunedAt;

    /// <summary>
    /// When the host first started with this database, which counts as a cleanup: before it, there was nothing to
    /// remove. It is noted once the clock is trusted.
    /// </summary>
    private DateTimeOffset FirstStart(bool isSettled)
    {
        if (DateTimeOffset.TryParse(store().FindNote(FirstStartNote), CultureInfo.InvariantCulture, out var noted))
            return noted;
        if (!isSettled)
            return _startedAt;
        var note = _startedAt.ToString("u", CultureInfo.InvariantCulture);
        Attempt.IfThereIsRoom(() => store().RecordUse([], new Dictionary<string, string> { [FirstStartNote] = note }));
        return _startedAt;
    }
}
