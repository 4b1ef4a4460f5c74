using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Docker.DotNet;
using ImageGc.Hosting;
using ImageGc.Sqlite;
using ComponentVersion = Docker.DotNet.Models.ComponentVersion;
using VersionResponse = Docker.DotNet.Models.VersionResponse;

namespace ImageGc.Docker;

/// <summary>A request to the engine, as messages describe it.</summary>
/// <param name="Doing">What the request does, as a verb and its object.</param>
/// <param name="Endpoint">The method and path that the configuration of a proxy must allow.</param>
internal readonly record struct Request(string Doing, string Endpoint);

/// <summary>Sends requests to the engine, each within a bounded time and in an API version that it serves.</summary>
internal sealed class DockerConnection(DockerOptions options) : IDisposable
{
    /// <summary>The newest API version whose answers are known, that of Docker 29.</summary>
    private static readonly Version Newest = new(1, 52);

    /// <summary>
    /// Earlier versions report the name of a container's image where its ID belongs:
    /// https://github.com/containers/podman/issues/15832.
    /// </summary>
    private static readonly Version OldestPodman = new(4, 3);

    private readonly TimeSpan _timeout = options.EngineTimeout;
    private volatile DockerClient? _client;

    public Uri Address { get; } = options.EngineAddress;

    /// <summary>Whether the engine is Podman. Known after the first request.</summary>
    public bool IsPodman { get; private set; }

    /// <summary>Whether the disk of the engine is one of this device.</summary>
    public bool IsOnThisDevice => Address.IsFile || Address.Scheme == "unix" || Address.IsLoopback;

    /// <summary>Sends a request, after it has connected to the engine if necessary.</summary>
    /// <param name="request">The request.</param>
    /// <param name="ask">Sends the request.</param>
    /// <param name="cancellationToken">Cancels the request.</param>
    /// <param name="wait">How long the engine is asked to wait before it answers.</param>
    /// <exception cref="DockerRequestFailedException">The engine refused the request.</exception>
    /// <exception cref="EngineRequestFailedException">The answer does not parse.</exception>
    /// <exception cref="EngineUnavailableException">No engine answered.</exception>
    /// <exception cref="TimeoutException">The answer took longer than the time-out.</exception>
    public async Task<T> AskAsync<T>(
        Request request, Func<DockerClient, CancellationToken, Task<T>> ask, CancellationToken cancellationToken,
        TimeSpan wait = default)
    {
        using var bounded = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        bounded.CancelAfter(_timeout + wait);
        try
        {
            var client = await ConnectAsync(bounded.Token).ConfigureAwait(false);
            // The wait ends at the time-out even if the client ignores the token, as it may while the engine accepts a
            // connection and then sends nothing.
            return await ask(client, bounded.Token).WaitAsync(bounded.Token).ConfigureAwait(false);
        }
        catch (Exception exception) when (bounded.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw new TimeoutException($"The engine at {Address} did not {request.Doing} within "
                + $"{DurationText.Format(_timeout)}. Read the engine's log, or raise "
                + $"{nameof(DockerOptions.EngineTimeout)}.",
                exception);
        }
        catch (Exception) when (cancellationToken.IsCancellationRequested)
        {
            throw new OperationCanceledException(cancellationToken);
        }
#pragma warning disable CA1031 // The client throws many types when it cannot connect, or cannot read the answer.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            throw Explain(request, exception);
        }
    }

    /// <summary>Asks for something that can be gone; returns null if the engine answers with 404.</summary>
    public async Task<T?> FindAsync<T>(
        Request request, Func<DockerClient, CancellationToken, Task<T>> ask, CancellationToken cancellationToken)
        where T : class
    {
        try
        {
            return await AskAsync(request, ask, cancellationToken).ConfigureAwait(false);
        }
        catch (DockerRequestFailedException gone) when (gone.Status == HttpStatusCode.NotFound)
        {
            return null;
        }
    }

    /// <summary>Returns an exception that says what failed, why, and what to do.</summary>
    public Exception Explain(Request request, Exception exception)
    {
        if (exception is EngineUnavailableException or EngineRequestFailedException)
            return exception;
        if (exception is DockerApiException answer && MessageOf(answer) is { } why)
            return new DockerRequestFailedException(request.Doing, answer.StatusCode, why, answer);
        if (exception is JsonException && _client is not null) // It reported its version, so it is an engine.
            return new EngineRequestFailedException(
                $"The engine could not {request.Doing}: its answer is not valid. Read the engine's log.", exception);
        if (exception is DockerApiException
            {
                StatusCode: HttpStatusCode.Forbidden or HttpStatusCode.Unauthorized or HttpStatusCode.MethodNotAllowed,
            } refusal)
        {
            // Docker sends a message with every error, so a proxy in front of its socket answered. Its answer does not
            // say which request to allow.
            return new EngineUnavailableException(
                $"The engine could not {request.Doing}: the proxy at {Address} refused it "
                + $"(HTTP {(int)refusal.StatusCode}). Allow {request.Endpoint} in its configuration.", exception);
        }

        _client = null; // The engine may come back with another version, so ask for the version again.
        return new EngineUnavailableException(
            $"The engine at {Address} could not {request.Doing}: {Why(exception.GetBaseException())}", exception);
    }

    /// <summary>Returns the client, with the newest API version that both sides know.</summary>
    /// <exception cref="EngineUnavailableException">The engine is a Podman that is too old.</exception>
    public async Task<DockerClient> ConnectAsync(CancellationToken cancellationToken)
    {
        if (_client is { } connected)
            return connected;
        var builder = new DockerClientBuilder().WithEndpoint(Address).WithTimeout(Timeout.InfiniteTimeSpan);
        using var unversioned = builder.Build();
        VersionResponse answer;
        try
        {
            answer = await unversioned.System.GetVersionAsync(cancellationToken).WaitAsync(cancellationToken)
                .ConfigureAwait(false);
        }
        catch (DockerApiException refused)
        {
            throw Explain(new Request("report its version", "GET /version"), refused);
        }

        IsPodman = IsPodmanOf(answer.Components);
        if (Version.TryParse(answer.APIVersion, out var theirs))
            builder = builder.WithApiVersion(theirs < Newest ? theirs : Newest);
        return _client = builder.Build();
    }

    public void Dispose() => _client?.Dispose();

    /// <exception cref="EngineUnavailableException">It is older than <see cref="OldestPodman"/>.</exception>
    private bool IsPodmanOf(IList<ComponentVersion>? components)
    {
        var podman = components?.FirstOrDefault(part => part.Name == "Podman Engine");
        if (podman is not null && (!Version.TryParse(podman.Version.Split('-')[0], out var its) || its < OldestPodman))
            throw new EngineUnavailableException(
                $"The engine at {Address} is Podman {podman.Version}. Update it to {OldestPodman} or newer.");
        return podman is not null;
    }

    /// <summary>Returns the message of an error answer; null if it has none, since it is not from Docker.</summary>
    private static string? MessageOf(DockerApiException answer)
    {
        try
        {
            using var body = JsonDocument.Parse(answer.ResponseBody ?? "");
            return body.RootElement.GetProperty("message").GetString();
        }
        catch (Exception other) when (other is JsonException or InvalidOperationException or KeyNotFoundException)
        {
            return null;
        }
    }

    private static string Why(Exception cause) => cause switch
    {
        // .NET maps ENOENT, which Linux reports for a socket file that does not exist, to this code
        // (SocketErrorPal.Unix.cs in dotnet/runtime).
        SocketException { SocketErrorCode: SocketError.AddressNotAvailable } =>
            "the socket does not exist. Start Docker, or set another address.",
        SocketException { SocketErrorCode: SocketError.AccessDenied } =>
            "this user may not use the socket. Run as root, or as a member of the group docker.",
        SocketException { SocketErrorCode: SocketError.ConnectionRefused } =>
            "nothing listens there. Start Docker, or set another address.",
        SocketException { SocketErrorCode: SocketError.HostNotFound or SocketError.NoData } =>
            "the host is unknown. Set another address.",
        DockerApiException { StatusCode: HttpStatusCode.BadRequest, ResponseBody: { } body }
            when body.Contains("HTTPS", StringComparison.Ordinal) =>
            "the engine requires TLS, which is not supported. Use its unix socket.",
        DockerApiException { StatusCode: >= HttpStatusCode.InternalServerError } answer =>
            $"a proxy answers {(int)answer.StatusCode} in its place. Start Docker, or read the proxy's log.",
        DockerApiException answer =>
            $"a program that is not Docker answers there (HTTP {(int)answer.StatusCode}). Set another address.",
        JsonException => "a program that is not Docker answers there. Set another address.",
        SocketException => $"the connection broke ({cause.Message}). Read the engine's log.",
        _ => "the connection broke. Read the engine's log.",
    };
}
