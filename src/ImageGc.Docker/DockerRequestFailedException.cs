using System.Net;
using ImageGc.Hosting;

namespace ImageGc.Docker;

/// <summary>The engine refused a request with an HTTP status code.</summary>
internal sealed class DockerRequestFailedException(string doing, HttpStatusCode status, string why, Exception cause)
    : EngineRequestFailedException($"The engine could not {doing}: {why} (HTTP {(int)status})", cause)
{
    public HttpStatusCode Status { get; } = status;
}
