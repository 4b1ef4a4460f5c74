using System.Threading.Channels;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace ImageGc.Hosting;

/// <summary>Watches the engine as long as the host runs; after every break it makes up for what it missed.</summary>
internal sealed class TrackingWorker(
    Tracking tracking, IContainerEngine engine, Cleanup cleanup, IOptions<ImageGarbageCollectionOptions> options,
    Health health, TimeProvider time, ILogger<TrackingWorker> log) : BackgroundService
{
    /// <summary>A connection over TCP can die without anyone noticing.</summary>
    private static readonly TimeSpan Renewal = TimeSpan.FromHours(1);

    /// <summary>After which a stream has lasted although the ones before it ended at once.</summary>
    private static readonly TimeSpan Trial = TimeSpan.FromMinutes(2);

    private static readonly TimeSpan PollInterval = TimeSpan.FromMinutes(1);

    private static readonly TimeSpan LongestRetry = TimeSpan.FromMinutes(1);

    private static readonly TimeSpan FirstRetry = TimeSpan.FromSeconds(1);

    /// <summary>Grows until a stream has lasted.</summary>
    private TimeSpan _retryAfter = FirstRetry;

    /// <summary>Whether the log says that it watches: a connection that is only renewed is no news.</summary>
    private bool _isAnnounced;

    /// <summary>The timestamp since which nobody watches.</summary>
    private long? _brokenAt;

    /// <summary>Whether the log says that it says no more until it works again.</summary>
    private bool _isPersistent;

    /// <summary>When the current stream began; null before that.</summary>
    private long? _began;

    /// <summary>An engine that ends each stream at once must not fill the log.</summary>
    private bool _endsAtOnce;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (!options.Value.WatchContainers)
            return;

        while (true)
        {
            _began = null;
            var failure = await Attempt.FailureOfAsync(WatchForAnHourAsync, stoppingToken).ConfigureAwait(false);
            var hasLasted = _began is { } began && time.GetElapsedTime(began) > LongestRetry;
            if (hasLasted)
                _retryAfter = FirstRetry;
            _endsAtOnce = _began is not null && !hasLasted && _retryAfter >= LongestRetry;
            if (failure is null)
                continue;
            _brokenAt ??= time.GetTimestamp();
            _isAnnounced = false;
            if (Health.CannotGoOn(failure))
            {
                health.Report(HostPart.Watching, failure, _brokenAt);
                return;
            }

            if (_retryAfter < LongestRetry)
                log.NotWatching(failure, _retryAfter);
            else if (!_isPersistent)
                log.NotWatchingForNow(failure, LongestRetry);
            _isPersistent = _retryAfter >= LongestRetry;
            if (_isPersistent) // A short break is no problem.
                health.Report(HostPart.Watching, failure, _brokenAt);
            await Task.Delay(_retryAfter, time, stoppingToken).ConfigureAwait(false);
            _retryAfter = _retryAfter * 2 < LongestRetry ? _retryAfter * 2 : LongestRetry;
        }
    }

    private async Task WatchForAnHourAsync(CancellationToken stoppingToken)
    {
        using var hour = new CancellationTokenSource(_endsAtOnce ? Trial : Renewal, time);
        using var renew = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken, hour.Token);
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
            await tracking.HandleAsync(happened, cancellationToken).ConfigureAwait(false);
            // What happens while the containers are listed is seen twice rather than never.
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
                log.WatchingAnew(engine, containers);
            else
                log.Watching(engine, containers);
            if (_brokenAt is { } broken)
                log.NotWatched(time.GetUtcNow() - time.GetElapsedTime(broken), time.GetUtcNow());
            (_isAnnounced, _isPersistent, _brokenAt) = (true, false, null);
        }
    }

    /// <summary>Beside the events, which must not wait for a cleanup that is going on.</summary>
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
