using System.Collections.Concurrent;
using System.Collections.Specialized;
using System.Net;
using System.Text.RegularExpressions;
using System.Web;

namespace ImageGc.Docker.Tests;

/// <summary>
/// The part of Docker's API that the removal of an image needs. A test can act between two requests.
/// </summary>
internal sealed partial class ScriptedEngine : IDisposable
{
    private readonly LoopbackServer _server;
    private readonly ManualResetEventSlim _disposed = new();

    public ScriptedEngine() => _server = new LoopbackServer(Answer);

    public Uri Address => _server.Address;

    /// <summary>The image ID of each name.</summary>
    public ConcurrentDictionary<string, string> Names { get; } = new();

    /// <summary>Returns the status with which the removal of a name is refused; null to allow it.</summary>
    public Func<string, HttpStatusCode?> BeforeDelete { get; set; } = _ => null;

    public Action<string> AfterDelete { get; set; } = _ => { };

    public Func<HttpStatusCode> OnTag { get; set; } = () => HttpStatusCode.Created;

    /// <summary>Leaves the current request unanswered until the engine is disposed.</summary>
    public void Hang() => _disposed.Wait();

    public void Dispose()
    {
        _disposed.Set();
        _server.Dispose();
    }

    private FakeAnswer Answer(string method, Uri address)
    {
        var path = Version.Replace(Uri.UnescapeDataString(address.AbsolutePath), "").Split('/');
        var (status, body) = (method, path) switch
        {
            ("GET", ["", "version"]) => (HttpStatusCode.OK, new { ApiVersion = "1.41", MinAPIVersion = "1.12" }),
            ("GET", ["", "images" or "containers", "json"]) => (HttpStatusCode.OK, Array.Empty<string>()),
            ("GET", ["", "images", .. var name, "json"]) => Inspect(string.Join('/', name)),
            ("DELETE", ["", "images", .. var name]) => Delete(string.Join('/', name)),
            ("POST", ["", "images", var imageId, "tag"]) => Tag(imageId, HttpUtility.ParseQueryString(address.Query)),
            _ => throw new NotSupportedException(address.ToString()),
        };
        return new FakeAnswer(status, body);
    }

    private (HttpStatusCode Status, object Body) Inspect(string name)
    {
        var imageId = Names.TryGetValue(name, out var named) ? named : name;
        var names = Names.Where(other => other.Value == imageId).Select(other => other.Key).Order().ToArray();
        return names.Length == 0
            ? (HttpStatusCode.NotFound, new { message = "No such image" })
            : (HttpStatusCode.OK, new { Id = imageId, RepoTags = names });
    }

    private (HttpStatusCode Status, object Body) Delete(string name)
    {
        if (!Names.ContainsKey(name))
            return (HttpStatusCode.Conflict, new { message = "image is referenced in multiple repositories" });
        if (BeforeDelete(name) is { } refused)
            return (refused, new { message = "refused" });
        Names.TryRemove(name, out _);
        AfterDelete(name);
        return (HttpStatusCode.OK, new[] { new { Untagged = name } });
    }

    private (HttpStatusCode Status, object Body) Tag(string imageId, NameValueCollection tag)
    {
        var status = OnTag();
        if (status == HttpStatusCode.Created)
            Names[$"{tag["repo"]}:{tag["tag"]}"] = imageId;
        return (status, new { message = "as the test says" });
    }

    [GeneratedRegex(@"^/v[0-9.]+(?=/)")]
    private static partial Regex Version { get; }
}
