using System.Net.Sockets;
using System.Text.Json;
using Docker.DotNet;

namespace ImageGc.Hosting;

/// <summary>There is no engine to be reached, or something else answers: every further call would fail too.</summary>
internal sealed class EngineUnavailableException(string doing, Uri address, Exception cause)
    : IOException($"The engine at {address} could not {doing}: {Why(cause.GetBaseException())}", cause)
{
    private static string Why(Exception cause) => cause switch
    {
        // How .NET reports a unix socket that does not exist.
        SocketException { SocketErrorCode: SocketError.AddressNotAvailable } =>
            "there is no such socket. Start Docker, or set another address.",
        SocketException { SocketErrorCode: SocketError.AccessDenied } =>
            "this user may not use the socket. Run as root, or as a member of the group docker.",
        SocketException { SocketErrorCode: SocketError.ConnectionRefused } =>
            "nobody listens there. Start Docker, or set another address.",
        SocketException { SocketErrorCode: SocketError.HostNotFound or SocketError.NoData } =>
            "there is no such host. Set another address.",
        DockerApiException answer =>
            $"what listens there is no Docker, it answers {(int)answer.StatusCode}. Set another address.",
        JsonException => "what listens there is no Docker. Set another address.",
        _ => $"the connection broke, {cause.Message} Look at the engine's log.",
    };
}
