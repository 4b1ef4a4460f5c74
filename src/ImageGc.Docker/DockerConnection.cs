using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Docker.DotNet;
using ImageGc.Hosting;
using ImageGc.Sqlite;
using ComponentVersion = Docker.DotNet.Models.ComponentVersion;
using VersionResponse = Docker.DotNet.Models.VersionResponse;

namespace ImageGc.Docker;

/// <summary>What the engine is asked for.</summary>
/// <param name="Doing">For messages, as a verb and its object.</param>
/// <param name="Endpoint">The method and the path, as a proxy is configured to allow them.</param>
internal readonly record struct Request(string Doing, string Endpoint);

/// <summary>Asks the engine within a bounded time, in a version of its API that it serves.</summary>
internal sealed class DockerConnection(DockerOptions options) : IDisposable
{
    /// <summary>The newest version of the API whose answers are known.</summary>
    private static readonly Version Newest = new(1, 52);

    private static readonly Version OldestPodman = new(4, 3);

    private readonly TimeSpan _timeout = options.EngineTimeout;
    private volatile DockerClient? _client;

    public Uri Address { get; } = options.EngineAddress;

    /// <summary>Whether Podman answered when it was asked first.</summary>
    public bool IsPodman { get; private set; }

    public bool IsOnThisDevice => Address.IsFile || Address.Scheme == "unix" || Address.IsLoopback;

    /// <exception cref="DockerRequestFailedException">The engine answered, and refused.</exception>
    /// <exception cref="EngineUnavailableException">No engine answered.</exception>
    /// <exception cref="TimeoutException">It took too long.</exception>
    public async Task<T> AskAsync<T>(
        Request request, Func<DockerClient, CancellationToken, Task<T>> ask, CancellationToken cancellationToken)
    {
        using var bounded = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        bounded.CancelAfter(_timeout);
        try
        {
            var client = await ConnectAsync(bounded.Token).ConfigureAwait(false);
            // A connection that the engine accepted and never serves must not hold us up either.
            return await ask(client, bounded.Token).WaitAsync(bounded.Token).ConfigureAwait(false);
        }
        catch (Exception exception) when (bounded.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw new TimeoutException($"The engine at {Address} did not {request.Doing} within "
                + $"{DurationText.Format(_timeout)}. Read its log, or raise {nameof(DockerOptions.EngineTimeout)}.",
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

    /// <summary>Asks for what may be gone by now; then the answer is null.</summary>
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

    public Exception Explain(Request request, Exception exception)
    {
        if (exception is EngineUnavailableException or DockerRequestFailedException)
            return exception;
        if (exception is DockerApiException answer && MessageOf(answer) is { } why)
            return new DockerRequestFailedException(request.Doing, answer.StatusCode, why, answer);
        if (exception is JsonException && _client is not null) // It answered before, so it is Docker.
            return new EngineRequestFailedException(
                $"The engine could not {request.Doing}: its answer does not parse. Read its log.", exception);
        if (exception is DockerApiException
            {
                StatusCode: HttpStatusCode.Forbidden or HttpStatusCode.Unauthorized or HttpStatusCode.MethodNotAllowed,
            } refusal)
        {
            // A proxy before Docker's socket lets only some requests through, and does not say which.
            return new EngineUnavailableException(
                $"The engine could not {request.Doing}: the proxy at {Address} refused it "
                + $"(HTTP {(int)refusal.StatusCode}). Allow {request.Endpoint} in its configuration.", exception);
        }

        _client = null; // It may come back as another version.
        return new EngineUnavailableException(
            $"The engine at {Address} could not {request.Doing}: {Why(exception.GetBaseException())}", exception);
    }

    /// <summary>The client, with the newest version of the API that both sides know.</summary>
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

    /// <exception cref="EngineUnavailableException">
    /// It is one before 4.3, which names the image of a container where its ID belongs.
    /// </exception>
    private bool IsPodmanOf(IList<ComponentVersion>? components)
    {
        var podman = components?.FirstOrDefault(part => part.Name == "Podman Engine");
        if (podman is not null && (!Version.TryParse(podman.Version.Split('-')[0], out var its) || its < OldestPodman))
            throw new EngineUnavailableException(
                $"The engine at {Address} is Podman {podman.Version}, and {OldestPodman} or newer is needed: "
                + "update it.");
        return podman is not null;
    }

    /// <summary>What Docker says about an error; null if it was not Docker.</summary>
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
        // How .NET reports a unix socket that does not exist.
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
            $"what listens there is not Docker, it answers {(int)answer.StatusCode}. Set another address.",
        JsonException => "what listens there is not Docker. Set another address.",
        SocketException => $"the connection broke ({cause.Message}). Read the engine's log.",
        _ => "the connection broke. Read the engine's log.",
    };
}
