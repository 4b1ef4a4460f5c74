using System.Collections.Specialized;
using System.Globalization;
using System.Net;
using System.Threading.Channels;

namespace ImageGc.Docker.Tests;

internal sealed partial class FakeDocker29
{
    /// <summary>How many events the engine remembers, of all kinds and before any filter.</summary>
    private const int EventsRemembered = 256;

    private readonly List<(long At, object Event)> _events = [];
    private readonly List<Channel<object>> _streams = [];
    private long _lastEventAt;

    /// <summary>How far the clock of the engine is ahead.</summary>
    public TimeSpan ClockOffset
    {
        get;
        set => (field, _lastEventAt) = (value, 0);
    }

    private DateTimeOffset Now => DateTimeOffset.UtcNow + ClockOffset;

    /// <summary>Ends all streams and forgets all events, as a restart of the engine does.</summary>
    public void EndStreams()
    {
        lock (_oneAtATime)
        {
            _events.Clear();
            _streams.ForEach(stream => stream.Writer.TryComplete());
            _streams.Clear();
        }
    }

    private FakeAnswer Inspect(string reference) => Resolve(reference) is { } id
        ? Ok(new
        {
            Id = id,
            RepoTags = _images[id].Names,
            RepoDigests = RepositoriesOf(_images[id]).Select(name => $"{name}@{id}"),
            Size = 1000,
            Config = new { },
        }) // Like Docker, it may leave out Created.
        : Refuse(HttpStatusCode.NotFound, $"No such image: {reference}");

    private string? Resolve(string reference) => _images.ContainsKey(reference)
        ? reference
        : _images.FirstOrDefault(image => NameIn(image.Value, reference) is not null
            || (reference.EndsWith($"@{image.Key}", StringComparison.Ordinal) && image.Value.Names.Count > 0)).Key;

    private static string? NameIn(FakeImage image, string reference) =>
        image.Names.Find(name => name == reference || name == $"{reference}:latest");

    /// <remarks>
    /// Follows moby's daemon/containerd/image_delete.go: by its ID, an image with two tags is not deleted.
    /// </remarks>
    private FakeAnswer Delete(string reference)
    {
        if (Resolve(reference) is not { } id)
            return Refuse(HttpStatusCode.NotFound, $"No such image: {reference}");
        var image = _images[id];
        var byName = reference != id;
        if (byName && image.Names.Count > 1)
        {
            var names = NameIn(image, reference) is { } one ? [one] : image.Names.ToList();
            return Ok(names.ConvertAll(name => Untag(id, name)));
        }

        if (UserOf(id, byName) is { } user)
            return Refuse(HttpStatusCode.Conflict, $"conflict: unable to delete {id[7..19]} "
                + $"({(user.Running ? "cannot" : "must")} be forced) - image is being used by a container");
        if (!byName && image.Names.Count > 1)
            return Refuse(HttpStatusCode.Conflict, $"conflict: unable to delete {id[7..19]} (must be forced) - image "
                + "is referenced in multiple repositories");

        image.Names.ToList().ForEach(name => Untag(id, name));
        _images.Remove(id);
        Emit("image", "delete", id, ("name", id));
        return Ok(new[] { new { Deleted = id } });
    }

    /// <remarks>Only a removal by name checks mounted images.</remarks>
    private FakeContainer? UserOf(string id, bool byName) => _containers.Values.FirstOrDefault(container =>
        container.ImageId == id || (byName && container.Mounted.ContainsValue(id)));

    private object Untag(string id, string name)
    {
        _images[id].Names.Remove(name);
        Emit("image", "untag", id, ("name", name));
        return new { Untagged = name };
    }

    private FakeAnswer Tag(string id, NameValueCollection tag)
    {
        var name = $"{tag["repo"]}:{tag["tag"]}";
        foreach (var other in _images.Values)
            other.Names.Remove(name);
        _images[id].Names.Add(name);
        Emit("image", "tag", id, ("name", name));
        return new FakeAnswer(HttpStatusCode.Created, "");
    }

    private void Emit(string type, string action, string id, params (string Name, string Value)[] attributes)
    {
        var at = (Now - DateTimeOffset.UnixEpoch).Ticks * TimeSpan.NanosecondsPerTick;
        _lastEventAt = Math.Max(at, _lastEventAt + 1);
        var happened = new
        {
            Type = type,
            Action = action,
            Actor = new { ID = id, Attributes = attributes.ToDictionary(one => one.Name, one => one.Value) },
            scope = "local",
            time = _lastEventAt / 1_000_000_000,
            timeNano = _lastEventAt,
        };
        _events.Add((_lastEventAt, happened));
        if (_events.Count > EventsRemembered)
            _events.RemoveAt(0);
        _streams.ForEach(stream => stream.Writer.TryWrite(happened));
    }

    /// <remarks>
    /// A stream with an end in the past ends at once. Like Docker, it searches its memory from the end and stops at the
    /// first event before `since`, and sends every new event (daemon/events/events.go of moby).
    /// </remarks>
    private ChannelReader<object> Follow(NameValueCollection query)
    {
        var (from, until) = (Nanoseconds(query["since"]), Nanoseconds(query["until"]));
        var stream = Channel.CreateUnbounded<object>();
        var remembered = _events.AsEnumerable().Reverse().TakeWhile(one => one.At >= from)
            .Where(one => one.At <= until);
        foreach (var (_, happened) in remembered.Reverse())
            stream.Writer.TryWrite(happened);
        if (query["until"] is null)
            _streams.Add(stream);
        else
            stream.Writer.Complete();
        return stream.Reader;
    }

    private static long Nanoseconds(string? time)
    {
        var parts = (time ?? "9000000000.0").Split('.');
        return (long.Parse(parts[0], CultureInfo.InvariantCulture) * 1_000_000_000)
            + long.Parse((parts.ElementAtOrDefault(1) ?? "").PadRight(9, '0'), CultureInfo.InvariantCulture);
    }
}
