using System.Net;

namespace ImageGc.Hosting;

/// <summary>The engine answered, and refused: another image may go all the same.</summary>
internal sealed class EngineRequestFailedException(string doing, HttpStatusCode status, string why, Exception cause)
    : Exception($"The engine could not {doing}: {why} (HTTP {(int)status})", cause)
{
    public HttpStatusCode Status { get; } = status;
}
