using System.Collections.Concurrent;
using System.Collections.Specialized;
using System.Net;
using System.Security.Cryptography;
using System.Text.RegularExpressions;
using System.Web;

namespace ImageGc.Docker.Tests;

/// <summary>
/// Docker's API in version 29 with the containerd store: https://docs.docker.com/reference/api/engine/. The ID of an
/// image is the digest of its manifest, and some fields are null or missing that the classic store had.
/// </summary>
internal sealed partial class FakeDocker29 : IDisposable
{
    private static readonly Version OldestServed = new(1, 44);
    private static readonly string[] Snapshotter = ["driver-type", "io.containerd.snapshotter.v1"];

    private readonly Lock _oneAtATime = new();
    private readonly LoopbackServer _server;
    private readonly ManualResetEventSlim _disposed = new();
    private readonly Dictionary<string, FakeImage> _images = [];
    private readonly Dictionary<string, FakeContainer> _containers = [];
    private int _lastId;

    public FakeDocker29() => _server = new LoopbackServer(Answer);

    public Uri Address => _server.Address;

    public string Id { get; set; } = "29292929-0000-4000-8000-000000000000";

    public string Driver { get; set; } = "overlayfs";

    /// <summary>The method and path of each request, including the version.</summary>
    public ConcurrentQueue<string> Requests { get; } = [];

    /// <summary>Answers a request (method and path without the version); null lets the fake answer.</summary>
    public Func<string, FakeAnswer?> Before { get; set; } = _ => null;

    /// <summary>Runs after each request, so that something can happen between two requests.</summary>
    public Action<string> After { get; set; } = _ => { };

    /// <summary>The sizes of images by ID; the others have 1000 bytes.</summary>
    public ConcurrentDictionary<string, long> Sizes { get; } = [];

    public IReadOnlyCollection<string> ImageIds
    {
        get
        {
            lock (_oneAtATime)
                return [.. _images.Keys];
        }
    }

    public string AddImage(params string[] names)
    {
        lock (_oneAtATime)
        {
            var id = NewId();
            foreach (var other in _images.Values)
                other.Names.RemoveAll(names.Contains);
            _images[id] = new FakeImage { Names = [.. names] };
            return id;
        }
    }

    /// <summary>Adds an image as a pull does, with an event.</summary>
    public string PullImage(string name)
    {
        lock (_oneAtATime)
        {
            var id = AddImage(name);
            Emit("image", "pull", name, ("name", name.Split(':')[0]));
            return id;
        }
    }

    /// <summary>Adds a container of the image with this name or ID, and mounts these images; returns its ID.</summary>
    public string AddContainer(string reference, bool running = true, params string[] mounted)
    {
        lock (_oneAtATime)
        {
            var id = NewId()["sha256:".Length..];
            // The image stays mounted when its name moves.
            var mounts = mounted.ToDictionary(one => one, one => Resolve(one)!);
            _containers[id] = new FakeContainer(reference, Resolve(reference)!, running, mounts);
            Emit("container", "create", id, ("image", reference), ("name", id[..8]));
            return id;
        }
    }

    public void RemoveContainer(string id)
    {
        lock (_oneAtATime)
        {
            _containers.Remove(id, out var removed);
            Emit("container", "destroy", id, ("image", removed!.Reference), ("name", id[..8]));
        }
    }

    public void TagImage(string id, string repository, string tag)
    {
        lock (_oneAtATime)
            Tag(id, new NameValueCollection { ["repo"] = repository, ["tag"] = tag });
    }

    /// <summary>Removes the names of an image, as Docker does before it removes the image.</summary>
    public void TakeNames(string id)
    {
        lock (_oneAtATime)
            _images[id].Names.ToList().ForEach(name => Untag(id, name));
    }

    public static FakeAnswer Refuse(HttpStatusCode status, string message) => new(status, new { message });

    /// <summary>Leaves the current request unanswered until the fake is disposed.</summary>
    public FakeAnswer Hang()
    {
        _disposed.Wait();
        return Refuse(HttpStatusCode.ServiceUnavailable, "disposed");
    }

    public void Dispose()
    {
        _disposed.Set();
        EndStreams();
        _server.Dispose();
    }

    private string NewId() =>
        $"sha256:{Convert.ToHexStringLower(SHA256.HashData(BitConverter.GetBytes(++_lastId)))}";

    private FakeAnswer Answer(string method, Uri address)
    {
        var path = Uri.UnescapeDataString(address.AbsolutePath);
        Requests.Enqueue($"{method} {path}");
        if (VersionInPath.Match(path) is { Success: true } version)
        {
            if (Version.Parse(version.Groups[1].Value) < OldestServed)
                return Refuse(HttpStatusCode.BadRequest, $"client version {version.Groups[1].Value} is too old. "
                    + $"Minimum supported API version is {OldestServed}, please upgrade your client");
            path = path[version.Length..];
        }

        var request = $"{method} {path}";
        if (Before(request) is { } scripted)
            return scripted;
        FakeAnswer answer;
        lock (_oneAtATime)
            answer = Answer(method, path.Split('/'), address);
        After(request);
        return answer;
    }

    private FakeAnswer Answer(string method, string[] path, Uri address) => (method, path) switch
    {
        ("GET", ["", "version"]) => Ok(new { ApiVersion = "1.52", MinAPIVersion = $"{OldestServed}" }),
        ("GET", ["", "info"]) => Ok(new
        {
            ID = Id,
            Driver,
            DriverStatus = new[] { Snapshotter },
            DockerRootDir = "/var/lib/docker",
            ServerVersion = "29.0.0",
            SystemTime = Now.ToString("yyyy-MM-dd'T'HH:mm:ss.fffffff'00Z'", null),
            OSType = "linux",
        }),
        ("GET", ["", "images", "json"]) => Ok(_images.Select(image => Summary(image.Key, image.Value))),
        ("GET", ["", "images", .. var name, "json"]) => Inspect(string.Join('/', name)),
        ("DELETE", ["", "images", .. var name]) => Delete(string.Join('/', name)),
        ("POST", ["", "images", var id, "tag"]) => Tag(id, HttpUtility.ParseQueryString(address.Query)),
        ("GET", ["", "containers", "json"]) => Ok(_containers.Select(one => Summary(one.Key, one.Value))),
        ("GET", ["", "containers", var id, "json"]) => _containers.TryGetValue(id, out var container)
            ? Ok(new
            {
                Id = id,
                Name = $"/{id[..8]}",
                Image = container.ImageId,
                Config = new { Image = container.Reference },
                Mounts = MountsOf(container),
            })
            : Refuse(HttpStatusCode.NotFound, $"No such container: {id}"),
        ("GET", ["", "events"]) => new FakeAnswer(
            HttpStatusCode.OK, Follow(HttpUtility.ParseQueryString(address.Query))),
        _ => Refuse(HttpStatusCode.NotFound, "page not found"),
    };

    private static FakeAnswer Ok(object body) => new(HttpStatusCode.OK, body);

    private object Summary(string id, FakeImage image) => new
    {
        Id = id,
        ParentId = "",
        RepoTags = image.Names.Count == 0 ? null : image.Names,
        RepoDigests = image.Names.Count == 0 ? null : RepositoriesOf(image).Select(name => $"{name}@{id}"),
        Created = 1_700_000_000,
        Size = Sizes.GetValueOrDefault(id, 1000),
        SharedSize = -1,
        Containers = -1,
        Labels = (object?)null,
        Descriptor = new { mediaType = "application/vnd.oci.image.index.v1+json", digest = id, size = 500 },
    };

    /// <remarks>The digest of the platform's manifest is not the ID of the image.</remarks>
    private static object Summary(string id, FakeContainer container) => new
    {
        Id = id,
        Names = new[] { $"/{id[..8]}" },
        Image = container.Reference,
        ImageID = container.ImageId,
        ImageManifestDescriptor = new { digest = $"sha256:{new string('f', 64)}", size = 400 },
        State = container.Running ? "running" : "exited",
        Labels = new Dictionary<string, string>(),
        Mounts = MountsOf(container),
    };

    private static IEnumerable<object> MountsOf(FakeContainer container) => container.Mounted.Keys.Select(reference =>
        new { Type = "image", Name = reference, Source = "", Destination = "/mounted", RW = false });

    private static IEnumerable<string> RepositoriesOf(FakeImage image) =>
        image.Names.Select(name => name[..name.LastIndexOf(':')]).Distinct();

    [GeneratedRegex(@"^/v([0-9]+\.[0-9]+)(?=/)")]
    private static partial Regex VersionInPath { get; }

    private sealed class FakeImage
    {
        public List<string> Names { get; init; } = [];
    }

    /// <param name="Reference">The image as the container was created with.</param>
    /// <param name="ImageId">Its ID.</param>
    /// <param name="Running">Whether it runs; otherwise it has ended.</param>
    /// <param name="Mounted">The ID of each image that is mounted, by its reference.</param>
    private sealed record FakeContainer(
        string Reference, string ImageId, bool Running, Dictionary<string, string> Mounted);
}
