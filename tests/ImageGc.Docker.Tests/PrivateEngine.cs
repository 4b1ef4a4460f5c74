using System.Diagnostics;
using System.Runtime.InteropServices;
using Docker.DotNet;

namespace ImageGc.Docker.Tests;

/// <summary>A real dockerd of the tests' own, with its own socket, images and containers.</summary>
public sealed partial class PrivateEngine : IAsyncLifetime
{
    private const int Stop = 19;
    private const int Continue = 18;
    private const int Terminate = 15;

    /// <remarks>Its name is short, because a socket's path must be.</remarks>
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("igc-");

    private Process? _daemon;

    /// <summary>Why there is no engine; null if there is one.</summary>
    public string? Missing { get; } =
        !OperatingSystem.IsLinux() ? "dockerd runs on Linux"
        : Environment.UserName != "root" ? "dockerd needs root"
        : !File.Exists("/usr/sbin/dockerd") && !File.Exists("/usr/bin/dockerd")
            ? "dockerd is not installed (.ci/engine installs it)"
        : !File.Exists("/bin/busybox") ? "there is no static busybox to make images of (.ci/engine installs it)"
        : null;

    public Uri Address => new($"unix://{PathOf("s")}");

    public DockerClient Client { get; private set; } = null!;

    /// <summary>The directory of the images.</summary>
    public string DataRoot { get => field ?? PathOf("data"); init; }

    public async ValueTask InitializeAsync()
    {
        if (Missing is not null)
            return;
        Client = new DockerClientBuilder().WithEndpoint(Address).Build();
        await StartAsync();
    }

    public async Task StartAsync()
    {
        _daemon = Process.Start(new ProcessStartInfo("/bin/sh",
            ["-c", $"exec dockerd --host {Address} --data-root '{DataRoot}' --exec-root '{PathOf("exec")}' "
                + $"--pidfile '{PathOf("pid")}' --bridge=none --iptables=false --ip6tables=false --ip-forward=false "
                + $"--ip-masq=false >>'{PathOf("log")}' 2>&1"]))!;
        var patience = Stopwatch.StartNew();
        while (!await AnswersAsync())
        {
            if (_daemon.HasExited || patience.Elapsed > TimeSpan.FromMinutes(1))
                throw new InvalidOperationException(
                    $"dockerd did not start:\n{await File.ReadAllTextAsync(PathOf("log"))}");
            await Task.Delay(100);
        }
    }

    public async Task StopAsync()
    {
        Signal(_daemon!, Terminate);
        await ExitAsync(_daemon!);
    }

    /// <summary>Stops it with SIGSTOP: it accepts connections, and does not answer.</summary>
    public void Freeze() => Signal(_daemon!, Stop);

    public void Thaw() => Signal(_daemon!, Continue);

    public async ValueTask DisposeAsync()
    {
        if (_daemon is not null)
            await StopAsync();
        Client?.Dispose();
        try
        {
            _directory.Delete(recursive: true);
        }
        catch (IOException)
        {
            // The kernel still uses a mount in it. The directory is under /tmp.
        }
    }

    private string PathOf(string name) => Path.Combine(_directory.FullName, name);

    private async Task<bool> AnswersAsync()
    {
        try
        {
            await Client.System.PingAsync();
            return true;
        }
        catch (Exception exception) when (exception is IOException or HttpRequestException or TimeoutException
            or DockerApiException or System.Net.Sockets.SocketException)
        {
            return false;
        }
    }

    private static void Signal(Process process, int signal) =>
        Assert.Equal(0, Kill(process.Id, signal));

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int process, int signal);
}

/// <summary>The tests that share the engine, one after the other.</summary>
[CollectionDefinition("engine")]
public sealed class SharedEngine : ICollectionFixture<PrivateEngine>;
