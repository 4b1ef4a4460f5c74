using System.Net;
using ImageGc.Hosting;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace ImageGc.Docker.Tests;

/// <summary>Errors when a proxy stands before Docker, or something else answers in its place.</summary>
public sealed class ProxyTests : IDisposable
{
    /// <summary>The refusal of https://github.com/Tecnativa/docker-socket-proxy, which is HAProxy.</summary>
    private const string Forbidden =
        "<html><body><h1>403 Forbidden</h1>\nRequest forbidden by administrative rules.\n</body></html>\n";

    private readonly FakeDocker29 _docker = new();
    private readonly DockerEngine _engine;

    public ProxyTests() => _engine = new DockerEngine(
        Options.Create(new DockerOptions { EngineAddress = _docker.Address, EngineTimeout = TimeSpan.FromSeconds(5) }),
        NullLogger<DockerEngine>.Instance);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("GET /version", "report its version", "GET /version")]
    [InlineData("GET /images/json", "list the images", "GET /images/json")]
    [InlineData("GET /containers/json", "list the containers", "GET /containers/json")]
    [InlineData("GET /info", "describe itself", "GET /info")]
    [InlineData("GET /events", "report its events", "GET /events")]
    [InlineData("GET /images/agent/json", "inspect agent", "GET /images/{name}/json")]
    [InlineData("GET /containers/1/json", "inspect 1", "GET /containers/{id}/json")]
    [InlineData("DELETE /images/sha256:", "remove sha256:", "DELETE /images/{name}")]
    public async Task An_error_names_the_endpoint_that_a_proxy_has_to_allow(
        string request, string doing, string endpoint)
    {
        var image = _docker.AddImage();
        _docker.Before = asked => asked.StartsWith(request, StringComparison.Ordinal)
            ? new FakeAnswer(HttpStatusCode.Forbidden, Forbidden)
            : null;

        var refused = await Assert.ThrowsAsync<EngineUnavailableException>(async () =>
        {
            await _engine.IdentifyAsync(Cancel);
            await _engine.ListImagesAsync(Cancel);
            await _engine.ListContainersAsync(Cancel);
            await _engine.FindImageAsync("agent", Cancel);
            await _engine.FindContainerAsync("1", Cancel);
            await _engine.RemoveImageAsync(image, Cancel);
            await foreach (var _ in _engine.WatchAsync(cursor: null, Cancel))
            {
                // The proxy refuses before the first event.
            }
        });

        Assert.StartsWith($"The engine could not {doing}", refused.Message, StringComparison.Ordinal);
        Assert.EndsWith(
            $": the proxy at {_docker.Address} refused it (HTTP 403). Allow {endpoint} in its configuration.",
            refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(HttpStatusCode.BadGateway, "<html>Bad gateway</html>",
        "a proxy answers 502 in its place. Start Docker, or read the proxy's log.")]
    [InlineData(HttpStatusCode.NotFound, "<html/>",
        "a program that is not Docker answers there (HTTP 404). Set another address.")]
    [InlineData(HttpStatusCode.OK, "<html/>", "a program that is not Docker answers there. Set another address.")]
    [InlineData(HttpStatusCode.BadRequest, "Client sent an HTTP request to an HTTPS server.\n",
        "the engine requires TLS, which is not supported. Use its unix socket.")]
    public async Task An_error_says_what_answers_in_the_place_of_Docker(HttpStatusCode status, string body, string why)
    {
        _docker.Before = _ => new FakeAnswer(status, body);

        var refused = await Assert.ThrowsAsync<EngineUnavailableException>(() => _engine.ListImagesAsync(Cancel));

        Assert.EndsWith($": {why}", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_engine_that_does_not_know_the_time_is_not_Docker()
    {
        _docker.Before = _ => new FakeAnswer(HttpStatusCode.OK, new { a = 1 });

        var refused = await Assert.ThrowsAsync<EngineRequestFailedException>(async () =>
        {
            await foreach (var _ in _engine.WatchAsync(cursor: null, Cancel))
            {
                // There are no events.
            }
        });

        Assert.Equal(
            $"A program that is not Docker answers at {_docker.Address}. Set another address.", refused.Message);
    }

    [Theory]
    [InlineData("/nonexistent/docker")]
    [InlineData(null)]
    public async Task A_disk_that_this_program_cannot_see_is_an_error_that_names_it(string? root)
    {
        _docker.Before = request => request == "GET /info"
            ? new FakeAnswer(HttpStatusCode.OK, new { ID = "1", DockerRootDir = root })
            : null;

        var unseen = await Assert.ThrowsAsync<EngineRequestFailedException>(() => _engine.MeasureDiskAsync(Cancel));

        Assert.StartsWith(
            $"Disk usage cannot be measured: the engine keeps its images in '{root}', which this program",
            unseen.Message, StringComparison.Ordinal);
    }

    public void Dispose()
    {
        _engine.Dispose();
        _docker.Dispose();
    }
}
