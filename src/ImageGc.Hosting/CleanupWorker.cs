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
    /// <summary>The clock may be set while it waits, so it checks at least this often.</summary>
    private static readonly TimeSpan PollInterval = TimeSpan.FromMinutes(1);

    private static readonly TimeSpan RetryAfter = TimeSpan.FromMinutes(15);

    /// <summary>How often it looks for requests, by one short query.</summary>
    private static readonly TimeSpan RequestPollInterval = TimeSpan.FromSeconds(5);

    /// <summary>A clock that is set by less is being adjusted, not set right.</summary>
    private static readonly TimeSpan ClockSet = TimeSpan.FromMinutes(1);

    private const string FirstStartNote = "first_start";

    private readonly CleanupSchedule _schedule = new(options.Value.CleanupTime, options.Value.CleanupRecurrence);
    private readonly long _started = time.GetTimestamp();

    /// <summary>When the host started, by the wall clock as it is now.</summary>
    private DateTimeOffset _startedAt = time.GetUtcNow();

    /// <summary>How long the host had run when the wall clock was last set.</summary>
    private TimeSpan _clockSetAfter;

    /// <summary>When the next cleanup comes, as the log has it.</summary>
    private DateTimeOffset? _announced;

    /// <summary>Whether the engine was asked once, so that what would prevent a cleanup was reported.</summary>
    private bool _isChecked;

    /// <summary>Whether it was reported that the engine cannot be asked.</summary>
    private bool _isAway;

    /// <summary>Whether the next cleanup makes up for one that was due before the start.</summary>
    private bool _isOverdue;

    /// <summary>What kind of run failed half-way; null if none did. The history shows it like any other.</summary>
    private PruneKind? _unfinished;

    /// <remarks>
    /// Opens the database while an operator is likely to read the log, so that a fatal problem makes the start fail.
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
            && !Health.CannotGoOn(exception))
        {
            if (!options.Value.Enabled) // Else the cleanup fails with it, and says when it is tried again.
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

        while (true)
        {
            var failure = await Attempt.FailureOfAsync(CleanUpWhenDueAsync, stoppingToken).ConfigureAwait(false);
            health.Report(HostPart.Cleanup, failure);
            if (failure is null)
                continue;
            if (Health.CannotGoOn(failure))
                return;
            log.CleanupFailed(failure, RetryAfter);
            state.NextRun(time.GetUtcNow() + RetryAfter);
            _announced = null;
            await WaitAsync(RetryAfter, stoppingToken).ConfigureAwait(false);
        }
    }

    /// <summary>Waits so long, or until a cleanup is asked for.</summary>
    private async Task WaitAsync(TimeSpan longest, CancellationToken stoppingToken)
    {
        var began = time.GetTimestamp();
        while (longest - time.GetElapsedTime(began) is var left && left > TimeSpan.Zero && requests.Next() is null)
        {
            var nap = left < RequestPollInterval ? left : RequestPollInterval;
            await Task.Delay(nap, time, stoppingToken).ConfigureAwait(false);
        }
    }

    private async Task CleanUpWhenDueAsync(CancellationToken stoppingToken)
    {
        cleanup.Lock();
        if (_unfinished is null)
            await WaitUntilDueAsync(stoppingToken).ConfigureAwait(false);
        var asked = requests.Next(); // What is asked for from here on is for the next run.
        if (asked is not null)
            log.Asked();
        var kind = asked is not null ? PruneKind.Manual : _unfinished ?? PruneKind.Scheduled;
        _unfinished = kind;
        var failure = await Attempt.FailureOfAsync(
            cancel => cleanup.RunAsync(kind, progress: null, relief: null, cancel), stoppingToken)
            .ConfigureAwait(false);
        if (asked is not null)
            await AnswerAsync(asked, failure, stoppingToken).ConfigureAwait(false);
        if (failure is not null)
            ExceptionDispatchInfo.Throw(failure);
        _unfinished = null;
    }

    /// <summary>Whoever asks wants room on a disk that is too full, too.</summary>
    private async Task AnswerAsync(string asked, Exception? failure, CancellationToken stoppingToken)
    {
        failure ??= await Attempt.FailureOfAsync(
            cancel => diskPressure.RelieveAsync(progress: null, cancel), stoppingToken).ConfigureAwait(false);
        requests.Answer(asked, failure is null ? null : HostingLog.Sentence(failure));
    }

    private async Task WaitUntilDueAsync(CancellationToken stoppingToken)
    {
        while (true)
        {
            await CheckEngineAsync(stoppingToken).ConfigureAwait(false);
            Attempt.IfThereIsRoom(() => store().CorrectTimes()); // So that other programs read correct times.
            var now = time.GetUtcNow();
            var next = FindNext(now);
            if (next <= now || requests.Next() is not null)
                return;
            // A run that failed is tried again before this, so only the database could not be read.
            if (!_isOverdue && _isChecked)
                health.Report(HostPart.Cleanup, failure: null);
            var left = next - now;
            await WaitAsync(left < PollInterval ? left : PollInterval, stoppingToken).ConfigureAwait(false);
        }
    }

    /// <summary>Asks the engine once, so that what prevents a cleanup is known long before it is due.</summary>
    /// <exception cref="EngineChangedException">It is another one.</exception>
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
        if (failure is not null && !_isAway && !options.Value.WatchContainers) // Who watches reports it.
            log.EngineAway(failure, PollInterval);
        _isAway = failure is not null;
    }

    /// <summary>
    /// When the next cleanup comes, as far as is known now. A device that starts with a wrong clock gets time to set it
    /// before ages are judged by it.
    /// </summary>
    private DateTimeOffset FindNext(DateTimeOffset now)
    {
        var runningFor = time.GetElapsedTime(_started);
        if ((now - runningFor - _startedAt).Duration() > ClockSet)
            (_startedAt, _clockSetAfter) = (now - runningFor, runningFor);

        var settled = _startedAt + _clockSetAfter + options.Value.ClockSettleTime;
        var last = LastRun() ?? FirstStart(isSettled: settled <= now);
        var due = _schedule.NextAfter(last, now, time.LocalTimeZone) ?? now;
        _isOverdue = due <= _startedAt;
        if (_isOverdue)
            due = _startedAt + options.Value.StartDelay;
        var next = due > settled ? due : settled;
        if (_announced is not { } announced || (next - announced).Duration() > ClockSet)
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
    /// Before it there was nothing to remove, so it counts as a cleanup. It is noted once the clock can be believed.
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
