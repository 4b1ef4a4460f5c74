using System.Threading.Channels;
using ImageGc.Sqlite;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace ImageGc.Hosting;

/// <summary>Watches the engine while the host runs, and catches up after every break.</summary>
internal sealed class TrackingWorker(
    Tracking tracking, IContainerEngine engine, Cleanup cleanup, IOptions<ImageGarbageCollectionOptions> options,
    Health health, TimeProvider time, ILogger<TrackingWorker> log) : BackgroundService
{
    /// <summary>How long a stream is used. A TCP connection can break without a sign: events just stop.</summary>
    private static readonly TimeSpan Renewal = TimeSpan.FromHours(1);

    /// <summary>How long a stream is used if those before it ended at once. After that, it has lasted.</summary>
    private static readonly TimeSpan Trial = TimeSpan.FromMinutes(2);

    /// <summary>How often the containers of an engine without events are compared.</summary>
    private static readonly TimeSpan PollInterval = TimeSpan.FromMinutes(1);

    private static readonly TimeSpan LongestRetry = TimeSpan.FromMinutes(1);

    private static readonly TimeSpan FirstRetry = TimeSpan.FromSeconds(1);

    /// <summary>How long to wait before the next try. It doubles until a stream has lasted.</summary>
    private TimeSpan _retryAfter = FirstRetry;

    /// <summary>Whether the log says that the host watches, so that a renewal is logged at Debug.</summary>
    private bool _isAnnounced;

    /// <summary>The timestamp at which watching failed; null while it works.</summary>
    private long? _brokenAt;

    /// <summary>Whether the log says that nothing more is logged until watching works again.</summary>
    private bool _isPersistent;

    /// <summary>The timestamp at which the current stream began; null before that.</summary>
    private long? _began;

    /// <summary>Whether the current stream has reported anything, if only remembered events.</summary>
    private bool _hasReported;

    /// <summary>
    /// Whether the engine ends each stream at once, as Podman does with events_logger=none in containers.conf(5). Such
    /// streams are not logged as a success, or the log would fill.
    /// </summary>
    private bool _endsAtOnce;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (!options.Value.WatchContainers)
            return;

        while (true)
        {
            (_began, _hasReported) = (null, false);
            var failure = await Attempt.FailureOfAsync(WatchUntilRenewalAsync, stoppingToken).ConfigureAwait(false);
            // An engine that accepts connections and drops them at once must not be asked every second.
            var hasLasted = _began is { } began && time.GetElapsedTime(began) > LongestRetry;
            if (hasLasted)
                _retryAfter = FirstRetry;
            _endsAtOnce = _began is not null && !hasLasted && _retryAfter >= LongestRetry;
            if (failure is null)
                continue;
            _brokenAt ??= time.GetTimestamp();
            _isAnnounced = false;
            if (Health.NeedsRestart(failure))
            {
                health.Report(HostPart.Watching, failure, _brokenAt);
                return;
            }

            if (_retryAfter < LongestRetry)
                log.NotWatching(failure, _retryAfter);
            else if (!_isPersistent)
                log.NotWatchingForNow(failure, LongestRetry);
            _isPersistent = _retryAfter >= LongestRetry;
            if (_isPersistent) // A short break, such as a restart of the engine, is not a problem.
                health.Report(HostPart.Watching, failure, _brokenAt);
            await Task.Delay(_retryAfter, time, stoppingToken).ConfigureAwait(false);
            _retryAfter = _retryAfter * 2 < LongestRetry ? _retryAfter * 2 : LongestRetry;
        }
    }

    private async Task WatchUntilRenewalAsync(CancellationToken stoppingToken)
    {
        var lifetime = _endsAtOnce ? Trial : Renewal;
        using var renewal = new CancellationTokenSource(lifetime, time);
        using var renew = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken, renewal.Token);
        // Unbounded, so that no event waits for a lookup that waits for a cleanup. It holds IDs only.
        var removed = Channel.CreateUnbounded<string>();
        var forgetting = ForgetRemovedAsync(removed.Reader, renew.Token);
        try
        {
            if (engine.WatchAsync(tracking.Cursor, renew.Token) is { } events)
                await FollowAsync(events, image => removed.Writer.TryWrite(image), renew.Token).ConfigureAwait(false);
            else
                await PollAsync(renew.Token).ConfigureAwait(false);
        }
        catch (Exception)
            when (renew.IsCancellationRequested && !stoppingToken.IsCancellationRequested)
        {
            // The next call renews the stream, or goes on with the events that the engine remembers.
            if (_began is null && !_hasReported)
                throw new TimeoutException(
                    $"The engine did not begin to report its events within {DurationText.Format(lifetime)}.");
        }
        finally
        {
            await renew.CancelAsync().ConfigureAwait(false);
            await forgetting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task FollowAsync(
        IAsyncEnumerable<EngineEvent> events, Action<string> imageRemoved, CancellationToken cancellationToken)
    {
        await foreach (var happened in events.WithCancellation(cancellationToken).ConfigureAwait(false))
        {
            _hasReported = true;
            await tracking.HandleAsync(happened, cancellationToken).ConfigureAwait(false);
            // The containers are listed while the stream is open: what happens meanwhile is seen twice, not missed.
            if (happened.Kind == EngineEventKind.Started)
                await BeginAsync(cancellationToken).ConfigureAwait(false);
            if (happened is { Kind: EngineEventKind.ImageRemoved, ImageReference: { } image })
                imageRemoved(image);
        }

        throw new EngineUnavailableException("The engine ended the stream of events.");
    }

    private async Task PollAsync(CancellationToken cancellationToken)
    {
        await BeginAsync(cancellationToken).ConfigureAwait(false);
        while (true)
        {
            await Task.Delay(PollInterval, time, cancellationToken).ConfigureAwait(false);
            await tracking.ReconcileAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task BeginAsync(CancellationToken cancellationToken)
    {
        var containers = await tracking.ReconcileAsync(cancellationToken).ConfigureAwait(false);
        _began = time.GetTimestamp();
        if (!_endsAtOnce)
        {
            health.Report(HostPart.Watching, failure: null);
            if (_isAnnounced)
                log.WatchingAgain(engine, containers);
            else
                log.Watching(engine, containers);
            if (_brokenAt is { } broken)
                log.NotWatched(time.GetUtcNow() - time.GetElapsedTime(broken), time.GetUtcNow());
            (_isAnnounced, _isPersistent, _brokenAt) = (true, false, null);
        }
    }

    /// <summary>Forgets removed images beside the events, which must not wait for a running cleanup.</summary>
    private async Task ForgetRemovedAsync(ChannelReader<string> removed, CancellationToken cancellationToken)
    {
        await foreach (var image in removed.ReadAllAsync(cancellationToken).ConfigureAwait(false))
        {
            var failure = await Attempt.FailureOfAsync(
                cancel => cleanup.ForgetIfGoneAsync(image, cancel), cancellationToken).ConfigureAwait(false);
            if (failure is not null)
                log.GoneUnknown(failure, image);
        }
    }
}
