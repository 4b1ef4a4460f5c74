using System.Globalization;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Docker.DotNet.Models;
using ImageGc.Hosting;
using ImageGc.Sqlite;

namespace ImageGc.Docker;

internal sealed partial class DockerEngine
{
    private const long NanosecondsPerSecond = 1_000_000_000;

    private static readonly Request ReportEvents = new("report its events", "GET /events");

    /// <summary>The events to report, with the names that Docker or Podman give them.</summary>
    private static readonly Dictionary<string, IDictionary<string, bool>> Watched = new()
    {
        ["type"] = new Dictionary<string, bool> { ["container"] = true, ["image"] = true },
        ["event"] = new[]
        {
            "create", "destroy", "remove", "pull", "load", "loadfromarchive", "import", "tag", "delete",
        }.ToDictionary(name => name, _ => true),
    };

    /// <remarks>
    /// A cursor is a time of the engine's clock in Unix nanoseconds: that of the last event, or of the start. If the
    /// clock was set back since then, only new events are requested. Docker remembers its last 256 events of all kinds
    /// and forgets them when it restarts (eventsLimit in daemon/events/events.go of moby). Podman reads them from its
    /// log, and compares `since` also with new events (generateEventSinceOption in libpod/events/filters.go).
    /// </remarks>
    public async IAsyncEnumerable<EngineEvent> WatchAsync(
        string? cursor, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var info = await InfoAsync(cancellationToken).ConfigureAwait(false);
        if (!DateTimeOffset.TryParse(info.SystemTime, CultureInfo.InvariantCulture, out var time))
            throw new EngineRequestFailedException(
                $"A program that is not Docker answers at {this}. Set another address.");

        // Two streams. An engine does not mark the end of what it remembers, so the first one asks for events until now
        // and ends, and the second one continues from there. The first one also shows that the engine reports events:
        // the second one may be silent for hours.
        var started = time - DateTimeOffset.UnixEpoch;
        var now = (started.Ticks * TimeSpan.NanosecondsPerTick) - 1;
        var since = long.TryParse(cursor, NumberStyles.None, CultureInfo.InvariantCulture, out var seen) && seen < now
            ? seen
            : now;
        // A whole second, because Podman parses a time as a floating-point number, which does not hold nanoseconds
        // (ParseInputTime in pkg/util/utils.go of podman).
        var until = ((now / NanosecondsPerSecond) + 1) * NanosecondsPerSecond;
        await foreach (var happened in ListenAsync(since, until, cancellationToken).ConfigureAwait(false))
        {
            since = happened.Cursor is { } at ? long.Parse(at, CultureInfo.InvariantCulture) : since;
            yield return happened;
        }

        _restored.Clear(); // The engine has forgotten the events that it did not report.
        yield return new EngineEvent { Kind = EngineEventKind.Started, Cursor = CursorAt(since), Time = TimeOf(since) };
        await foreach (var happened in ListenAsync(since, until: null, cancellationToken).ConfigureAwait(false))
            yield return happened;
    }

    /// <summary>Streams events after one moment until another one, or without end if that is null.</summary>
    private async IAsyncEnumerable<EngineEvent> ListenAsync(
        long since, long? until, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var relay = new Relay();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var watching = RelayAsync();
        try
        {
            var after = since;
            while (await HasMoreAsync().ConfigureAwait(false))
            {
                while (relay.Events.Reader.TryRead(out var message))
                {
                    // Podman 4.3 repeats the event at `since`, for the same reason as above. Other events that are not
                    // later are new: the clock was set back.
                    if (message.TimeNano == after)
                        continue;
                    since = message.TimeNano ?? since;
                    if (ToEvent(message, since) is { } happened)
                        yield return happened;
                }
            }
        }
        finally
        {
            await stop.CancelAsync().ConfigureAwait(false);
            await watching.ConfigureAwait(false);
        }

        // Between the events of a stream that ends, the engine may take as long as for any answer, and the part of a
        // second until the end of the stream. Other streams are renewed instead: they may be silent for hours.
        async Task<bool> HasMoreAsync() => until is null
            ? await relay.Events.Reader.WaitToReadAsync(cancellationToken).ConfigureAwait(false)
            : await _docker.AskAsync(ReportEvents, async (_, cancel) =>
                await relay.Events.Reader.WaitToReadAsync(cancel).ConfigureAwait(false),
                cancellationToken, wait: TimeSpan.FromSeconds(1)).ConfigureAwait(false);

        async Task RelayAsync()
        {
            Exception? end = null;
            try
            {
                var span = new ContainerEventsParameters { Since = Seconds(since + 1), Filters = Watched };
                if (until is { } last)
                    span.Until = Seconds(last);
                var docker = await _docker.ConnectAsync(stop.Token).ConfigureAwait(false);
                await docker.System.MonitorEventsAsync(span, relay, stop.Token).WaitAsync(stop.Token)
                    .ConfigureAwait(false);
            }
#pragma warning disable CA1031 // The channel throws it to the reader of the events.
            catch (Exception exception)
#pragma warning restore CA1031
            {
                end = stop.IsCancellationRequested
                    ? exception
                    : _docker.Explain(ReportEvents, exception);
            }

            relay.Events.Writer.Complete(end);
        }
    }

    /// <summary>Formats a time as the parameters `since` and `until` of GET /events take it.</summary>
    private static string Seconds(long nanoseconds) => string.Create(
        CultureInfo.InvariantCulture, $"{nanoseconds / NanosecondsPerSecond}.{nanoseconds % NanosecondsPerSecond:D9}");

    private static DateTimeOffset TimeOf(long nanoseconds) =>
        DateTimeOffset.UnixEpoch.AddTicks(nanoseconds / TimeSpan.NanosecondsPerTick);

    private static string CursorAt(long nanoseconds) => nanoseconds.ToString(CultureInfo.InvariantCulture);

    /// <summary>Converts an event; returns null for any other.</summary>
    /// <remarks>
    /// Docker reports a removed container as `destroy` and a removed image as `delete`. Podman reports a removed
    /// container as `remove`, older versions also a removed image
    /// (https://github.com/containers/podman/issues/14993), and a loaded image as `loadfromarchive`. A tag that
    /// restored a name after a failed removal is not a use: its event names no image, and only moves the cursor.
    /// </remarks>
    private EngineEvent? ToEvent(Message message, long at)
    {
        EngineEventKind? kind = (message.Type, message.Action) switch
        {
            ("container", "create") => EngineEventKind.ContainerCreated,
            ("container", "destroy" or "remove") => EngineEventKind.ContainerRemoved,
            ("image", "pull") => EngineEventKind.ImagePulled,
            ("image", "load" or "import" or "loadfromarchive") => EngineEventKind.ImageLoaded,
            ("image", "tag") => EngineEventKind.ImageTagged,
            ("image", "delete" or "remove") => EngineEventKind.ImageRemoved,
            _ => null,
        };
        if (kind is null)
            return null;
        var isContainer = message.Type == "container";
        var attributes = LabelsOf(message.Actor.Attributes);
        var image = isContainer ? attributes.GetValueOrDefault("image") : ReferenceOf(message.Actor.ID, attributes);
        var isRestored = kind == EngineEventKind.ImageTagged
            && _restored.TryRemove((image ?? "", attributes.GetValueOrDefault("name", "")), out _);
        return new EngineEvent
        {
            Kind = kind.Value,
            ContainerId = isContainer ? message.Actor.ID : null,
            ImageReference = isRestored ? null : image,
            Labels = isContainer ? attributes : null, // The API reports labels among the attributes of the actor.
            Time = TimeOf(at),
            Cursor = CursorAt(at),
        };
    }

    /// <summary>Returns the ID or name of an image.</summary>
    /// <remarks>Podman leaves out `sha256:`, and the whole ID if a pull found the image on the device.</remarks>
    private static string? ReferenceOf(string? image, Dictionary<string, string> attributes) =>
        image is not { Length: > 0 } ? attributes.GetValueOrDefault("name")
        : ImageId.IsDigest($"sha256:{image}") ? $"sha256:{image}"
        : image;

    /// <summary>Passes events on in their order.</summary>
    /// <remarks><see cref="Progress{T}"/> calls its handler on the thread pool, in any order.</remarks>
    private sealed class Relay : IProgress<Message>
    {
        public Channel<Message> Events { get; } = Channel.CreateUnbounded<Message>();

        public void Report(Message value) => Events.Writer.TryWrite(value);
    }
}
