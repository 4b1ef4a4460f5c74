using System.Globalization;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Docker.DotNet.Models;

namespace ImageGc.Docker;

internal sealed partial class DockerEngine
{
    private static readonly Dictionary<string, IDictionary<string, bool>> Watched = new()
    {
        ["type"] = new Dictionary<string, bool> { ["container"] = true, ["image"] = true },
        ["event"] = new Dictionary<string, bool> { ["create"] = true, ["destroy"] = true, ["delete"] = true },
    };

    public Uri Address => _address;

    /// <summary>The time of the engine's own clock, in Unix nanoseconds: events since then can be asked for.</summary>
    public async Task<long> AskTimeAsync(CancellationToken cancellationToken)
    {
        var info = await AskAsync("be asked for its time", _docker.System.GetSystemInfoAsync, cancellationToken)
            .ConfigureAwait(false);
        var now = DateTimeOffset.Parse(info.SystemTime, CultureInfo.InvariantCulture);
        return (now - DateTimeOffset.UnixEpoch).Ticks * TimeSpan.NanosecondsPerTick;
    }

    /// <summary>What happens to containers and images, until the engine ends or drops the connection.</summary>
    public async IAsyncEnumerable<Message> WatchAsync(
        long since, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var relay = new Relay();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var watching = RelayAsync();
        try
        {
            await foreach (var message in relay.Events.Reader.ReadAllAsync(cancellationToken).ConfigureAwait(false))
                yield return message;
        }
        finally
        {
            await stop.CancelAsync().ConfigureAwait(false);
            await watching.ConfigureAwait(false);
        }

        async Task RelayAsync()
        {
            Exception? end = null;
            try
            {
                var from = string.Create(
                    CultureInfo.InvariantCulture, $"{since / 1_000_000_000}.{since % 1_000_000_000:D9}");
                await _docker.System.MonitorEventsAsync(
                    new ContainerEventsParameters { Since = from, Filters = Watched }, relay, stop.Token)
                    .ConfigureAwait(false);
            }
#pragma warning disable CA1031 // Thrown where the events are read.
            catch (Exception exception)
#pragma warning restore CA1031
            {
                end = Explain("tell what happens", exception);
            }

            relay.Events.Writer.Complete(end);
        }
    }

    /// <summary>
    /// The image of a container; null if it has none, or neither the container nor its image is there any more.
    /// </summary>
    /// <remarks>Docker itself creates containers without an image when it builds one from scratch.</remarks>
    public async Task<string?> FindImageOfContainerAsync(
        string containerId, string reference, CancellationToken cancellationToken)
    {
        var container = await AskForAsync($"inspect {containerId}", cancel =>
            _docker.Containers.InspectContainerAsync(containerId, cancel), cancellationToken).ConfigureAwait(false);
        if (container is not null)
            return container.Image is { Length: > 0 } imageId ? imageId : null;
        return reference.Length == 0
            ? null
            : (await FindImageAsync(reference, cancellationToken).ConfigureAwait(false))?.ID;
    }

    /// <remarks><see cref="Progress{T}"/> would hand the events over in any order.</remarks>
    private sealed class Relay : IProgress<Message>
    {
        public Channel<Message> Events { get; } = Channel.CreateUnbounded<Message>();

        public void Report(Message value) => Events.Writer.TryWrite(value);
    }
}
