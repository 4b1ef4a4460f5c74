using System.Threading.Channels;
using Docker.DotNet.Models;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace ImageGc.Hosting;

/// <summary>Watches the engine as long as the host runs; after every break it makes up for what it missed.</summary>
internal sealed class TrackingWorker(
    IServiceProvider services, Cleanup cleanup, IOptions<ImageGarbageCollectionOptions> options,
    TimeProvider time, ILogger<TrackingWorker> log) : BackgroundService
{
    /// <summary>A connection over TCP can die without anyone noticing.</summary>
    private static readonly TimeSpan Renewal = TimeSpan.FromHours(1);

    private static readonly TimeSpan LongestRetry = TimeSpan.FromMinutes(1);

    private TimeSpan _retryAfter = TimeSpan.FromSeconds(1);

    /// <summary>Up to when the events were seen, in Unix nanoseconds of the engine's clock.</summary>
    private long _seen = long.MaxValue;

    /// <exception cref="NotSupportedException">The engine cannot be watched.</exception>
    public override Task StartAsync(CancellationToken cancellationToken)
    {
        if (options.Value.WatchContainers)
            services.GetRequiredService<Tracking>();
        return base.StartAsync(cancellationToken);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (!options.Value.WatchContainers)
            return;
        while (true)
        {
            if (await Attempt.FailureOfAsync(WatchAsync, stoppingToken).ConfigureAwait(false) is { } failure)
            {
                log.NotWatching(failure, _retryAfter);
                await Task.Delay(_retryAfter, time, stoppingToken).ConfigureAwait(false);
                _retryAfter = _retryAfter * 2 < LongestRetry ? _retryAfter * 2 : LongestRetry;
            }
        }
    }

    private async Task WatchAsync(CancellationToken stoppingToken)
    {
        var tracking = services.GetRequiredService<Tracking>();
        using var hour = new CancellationTokenSource(Renewal, time);
        using var renew = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken, hour.Token);

        // From before the containers are listed: what happens in between is seen twice rather than never. After a break
        // from the last event on, unless the engine's clock was set back.
        var now = await tracking.Engine.AskTimeAsync(renew.Token).ConfigureAwait(false);
        _seen = Math.Min(_seen, now - 1);
        var containers = await tracking.ReconcileAsync(renew.Token).ConfigureAwait(false);
        log.Watching(tracking.Engine.Address, containers);
        _retryAfter = TimeSpan.FromSeconds(1);

        var vanished = Channel.CreateBounded<bool>(
            new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
        vanished.Writer.TryWrite(true); // Nobody saw what went before.
        var forgetting = ForgetVanishedAsync(vanished.Reader, renew.Token);
        try
        {
            await foreach (var message in tracking.Engine.WatchAsync(_seen + 1, renew.Token).ConfigureAwait(false))
            {
                await HandleAsync(tracking, message, () => vanished.Writer.TryWrite(true), renew.Token)
                    .ConfigureAwait(false);
                _seen = message.TimeNano ?? _seen;
            }

            throw new IOException("The engine ended the stream of events.");
        }
        catch (OperationCanceledException)
            when (renew.IsCancellationRequested && !stoppingToken.IsCancellationRequested)
        {
        }
        finally
        {
            await renew.CancelAsync().ConfigureAwait(false);
            await forgetting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>What cannot be followed is skipped: it would stop every try to go on.</summary>
    private async Task HandleAsync(
        Tracking tracking, Message message, Action imageVanished, CancellationToken cancellationToken)
    {
        try
        {
            await tracking.HandleAsync(message, imageVanished, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is EngineRequestFailedException or ArgumentException)
        {
            log.SkippedEvent(exception, message.Type, message.Actor.ID, message.Action);
        }
    }

    /// <summary>Beside the events, which must not wait for a cleanup that is going on.</summary>
    private async Task ForgetVanishedAsync(ChannelReader<bool> vanished, CancellationToken cancellationToken)
    {
        await foreach (var _ in vanished.ReadAllAsync(cancellationToken).ConfigureAwait(false))
        {
            var failure = await Attempt.FailureOfAsync(cleanup.ForgetVanishedAsync, cancellationToken)
                .ConfigureAwait(false);
            if (failure is not null)
                log.VanishedUnknown(failure);
        }
    }
}
