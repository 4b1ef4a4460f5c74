using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using System.Threading.Channels;

namespace ImageGc.Docker.Tests;

/// <summary>The answer of a fake engine.</summary>
/// <param name="Status">The status.</param>
/// <param name="Body">
/// Sent as JSON, except for a string, which is sent as it is, and a channel, which is sent line by line until it ends.
/// </param>
internal sealed record FakeAnswer(HttpStatusCode Status, object Body);

/// <summary>An HTTP server on a loopback port.</summary>
/// <remarks>HttpListener refuses a POST without a length, which Docker accepts.</remarks>
internal sealed class LoopbackServer : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly Func<string, Uri, FakeAnswer> _answer;

    /// <param name="answer">Receives the method and the address; may block.</param>
    public LoopbackServer(Func<string, Uri, FakeAnswer> answer)
    {
        _answer = answer;
        _listener.Start();
        Address = new Uri($"tcp://{_listener.LocalEndpoint}");
        _ = ServeAsync();
    }

    public Uri Address { get; }

    public void Dispose() => _listener.Dispose();

    private async Task ServeAsync()
    {
        while (true)
        {
            var client = await _listener.AcceptTcpClientAsync();
            _ = Task.Run(() => AnswerAsync(client));
        }
    }

    private async Task AnswerAsync(TcpClient client)
    {
        using var connection = client.GetStream();
        using var request = new StreamReader(connection);
        var line = (await request.ReadLineAsync())!.Split(' ');
        while (await request.ReadLineAsync() is { Length: > 0 })
        {
        }

        var (status, body) = _answer(line[0], new Uri(Address, line[1]));
        var head = $"HTTP/1.1 {(int)status} {status}\r\nContent-Type: application/json\r\nConnection: close\r\n";
        if (body is ChannelReader<object> lines)
        {
            await WriteAsync($"{head}\r\n");
            await foreach (var one in lines.ReadAllAsync())
                await WriteAsync($"{JsonSerializer.Serialize(one)}\n");
            return;
        }

        var bytes = body is string text ? Encoding.UTF8.GetBytes(text) : JsonSerializer.SerializeToUtf8Bytes(body);
        await WriteAsync($"{head}Content-Length: {bytes.Length}\r\n\r\n");
        await connection.WriteAsync(bytes);

        async Task WriteAsync(string text) => await connection.WriteAsync(Encoding.UTF8.GetBytes(text));
    }
}
