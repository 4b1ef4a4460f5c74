using System.Net;
using System.Net.Sockets;
using System.Text;
using Docker.DotNet.Models;
using ImageGc.Sqlite;
using ImageGc.Sqlite.Tests;

namespace ImageGc.Docker.Tests;

/// <summary>`imagegc run` as people start it, beside a real engine.</summary>
public sealed class RunCommandTests(PrivateEngine engine) : EngineTest(engine)
{
    private static readonly TimeSpan Old = TimeSpan.FromDays(8);

    private readonly Dictionary<string, string> _environment = [];

    [Fact]
    public async Task Once_records_what_is_in_use_and_removes_what_expired()
    {
        var (old, young, used) = (await CreateImageAsync(), await CreateImageAsync(), await CreateImageAsync());
        await CreateContainerAsync(used);
        Record(Old, old);
        Record(TimeSpan.FromDays(1), young);

        using var run = Run("--once");

        Assert.Equal((0, true), (await run.EndAsync(), run.Error.Contains("Done", StringComparison.Ordinal)));
        Assert.False(await ExistsAsync(old));
        Assert.Equal(new[] { used, young }.Order(), Tracked().Intersect([old, used, young]).Order());
    }

    [Fact]
    public async Task A_dry_run_lists_what_would_go_and_changes_nothing()
    {
        var (old, kept) = (await CreateImageAsync(), await CreateImageAsync());
        Record(Old, old, kept);

        using var run = Run("--dry-run", "--keep", kept);

        Assert.Equal(0, await run.EndAsync());
        Assert.Contains($"expired\t{old}", await run.Output, StringComparison.Ordinal);
        Assert.Contains($"in-use\t{kept}", await run.Output, StringComparison.Ordinal);
        Assert.True(await ExistsAsync(old));
        Assert.Equal(2, Tracked().Count);
    }

    [Fact]
    public async Task The_daemon_tells_systemd_that_it_is_ready_watches_and_ends_on_SIGTERM()
    {
        var image = await CreateImageAsync();
        var socketPath = PathOf("n");
        using var notify = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        notify.Bind(new UnixDomainSocketEndPoint(socketPath));
        _environment["NOTIFY_SOCKET"] = socketPath;
        _environment[Daemon.Parent] = PathOf("systemd");

        using var run = Run();
        var buffer = new byte[100];
        var received = await notify.ReceiveAsync(buffer.AsMemory(), Cancel).AsTask().WaitAsync(TimeSpan.FromSeconds(30), Cancel);
        var ready = Encoding.UTF8.GetString(buffer, 0, received);
        await UntilAsync(() => run.Error.Contains("Watching", StringComparison.Ordinal), run);
        await CreateContainerAsync(image);
        await UntilAsync(() => Tracked().Contains(image), run);
        run.Terminate();

        Assert.StartsWith("READY=1", ready, StringComparison.Ordinal);
        Assert.Equal(0, await run.EndAsync());
    }

    [Fact]
    public async Task Flags_win_over_the_environment_and_the_environment_over_the_file()
    {
        var config = PathOf("imagegc.json");
        await File.WriteAllTextAsync(config, """
            { "ImageGarbageCollection": { "CleanupTime": "bad", "CleanupRecurrence": "bad", "ImageAgeCleanupThreshold": "bad" } }
            """, Cancel);
        _environment["ImageGarbageCollection__CleanupTime"] = "worse";
        _environment["ImageGarbageCollection__ImageAgeCleanupThreshold"] = "3d";

        using var byEnvironment = Run("--config", config, "--once", "--every", "2d");
        await byEnvironment.EndAsync();
        using var byFlag = Run("--config", config, "--once", "--every", "often", "--cleanup-time", "03:30");
        await byFlag.EndAsync();

        Assert.Contains("ImageGarbageCollection:CleanupTime is 'worse'", byEnvironment.Error, StringComparison.Ordinal);
        Assert.Contains("--every is 'often'", byFlag.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("unix:///nonexistent.sock", "there is no such socket. Start Docker")]
    [InlineData("unix:///bin/busybox", "nobody listens there. Start Docker")]
    [InlineData("tcp://127.0.0.1:1", "nobody listens there. Start Docker")]
    public async Task Without_an_engine_once_says_what_to_do_and_prunes_nothing(string address, string advice)
    {
        Record(Old, "sha256:old");
        using var run = RunAt(address, "--once");

        Assert.Equal(1, await run.EndAsync());
        Assert.StartsWith($"imagegc: The engine at {address}", run.Error, StringComparison.Ordinal);
        Assert.Contains(advice, run.Error, StringComparison.Ordinal);
        Assert.Single(Tracked());
    }

    [Fact]
    public async Task What_is_no_Docker_is_named_so()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        using var run = RunAt($"tcp://{listener.LocalEndpoint}", "--once");
        using (var connection = await listener.AcceptTcpClientAsync(Cancel))
        {
            await connection.GetStream().ReadAtLeastAsync(new byte[1], 1, cancellationToken: Cancel);
            await connection.GetStream().WriteAsync("HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\n<a/>"u8.ToArray(), Cancel);

            Assert.Equal(1, await run.EndAsync());
        }

        Assert.Contains("what listens there is no Docker", run.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--once")]
    [InlineData("--once", "--dry-run")]
    public async Task A_signal_ends_once_in_the_middle(params string[] arguments)
    {
        Record(Old, "sha256:old");
        using var silent = new TcpListener(IPAddress.Loopback, 0);
        silent.Start();
        using var run = RunAt($"tcp://{silent.LocalEndpoint}", arguments);
        using var asked = await silent.AcceptTcpClientAsync(Cancel);

        run.Terminate();

        Assert.Equal(130, await run.EndAsync());
        Assert.Contains("Stopping", run.Error, StringComparison.Ordinal);
        Assert.Single(Tracked());
    }

    [Theory]
    [InlineData("missing.json", null, "There is no configuration file '")]
    [InlineData("bad.json", "{ bad", "'b' is an invalid start of a property name")]
    [InlineData("typo.json", """{ "ImageGarbageCollection": { "KeepImage": "agent" } }""", "KeepImage is no setting: use Enabled, ")]
    public async Task A_wrong_configuration_file_is_named_with_what_is_wrong(string name, string? content, string wrong)
    {
        if (content is not null)
            await File.WriteAllTextAsync(PathOf(name), content, Cancel);

        using var run = Run("--config", PathOf(name));

        Assert.Equal(1, await run.EndAsync());
        Assert.StartsWith("imagegc: ", run.Error, StringComparison.Ordinal);
        Assert.Contains(wrong, run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_dry_run_leaves_the_flat_file_alone()
    {
        Record(Old, "sha256:old");
        await File.WriteAllTextAsync(PathOf("image_use"), "sha256:other 1\n", Cancel);
        _environment["ImageGarbageCollection__FlatFilePath"] = PathOf("image_use");

        using var run = Run("--dry-run");

        Assert.Equal(0, await run.EndAsync());
        Assert.True(File.Exists(PathOf("image_use")));
        Assert.Single(Tracked());
    }

    [Fact]
    public async Task An_engine_is_reached_over_TCP()
    {
        var image = await CreateImageAsync();
        Record(Old, image);
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var forwarding = ForwardAsync(listener);

        using var run = RunAt($"tcp://{listener.LocalEndpoint}", "--once");

        Assert.Equal(0, await run.EndAsync());
        Assert.False(await ExistsAsync(image));
        listener.Stop();
        await forwarding;
    }

    /// <remarks>IMAGEGC_KILL_ROUNDS sets the number of rounds.</remarks>
    [Fact]
    public async Task Killed_at_any_moment_of_a_run_it_leaks_no_image_and_removes_none_in_use()
    {
        var rounds = int.Parse(Environment.GetEnvironmentVariable("IMAGEGC_KILL_ROUNDS") ?? "12", System.Globalization.CultureInfo.InvariantCulture);
        var (all, inUse, orphans) = (new List<string>(), new List<string>(), new HashSet<string>());
        var (begun, midRun) = (0, 0);
        for (var round = 0; round < rounds; round++)
        {
            for (var i = 0; i < 8; i++)
                all.Add(await CreateImageAsync());
            inUse.Add(all[^1]);
            await CreateContainerAsync(all[^1]);
            Record(Old, [.. all.TakeLast(8)]);

            using (var run = Run("--once"))
                await KillAsync(run, afterRemovals: round % 7);

            var existing = await ExistingAsync(all);
            Assert.Empty(existing.Except(Tracked()));
            Assert.Empty(inUse.Except(existing));
            orphans.UnionWith(Tracked().Except(existing));
            if (Prunes() > begun && Tracked().Except(inUse).Any())
                midRun++;
            begun = Prunes();
        }

        using var last = Run("--once");
        Assert.Equal(0, await last.EndAsync());
        Assert.Equal(inUse.Order(), (await ExistingAsync(all)).Order());
        Assert.Equal(inUse.Order(), Tracked().Intersect(all).Order());
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{midRun} of {rounds} kills came in the middle of a run, {orphans.Count} between a removal and its forgetting.");
    }

    /// <summary>At once, or in the middle of a run: after so many removals and a moment.</summary>
    private async Task KillAsync(Daemon run, int afterRemovals)
    {
        using (var store = Open(TimeProvider.System))
        {
            var tracked = store.List().Count;
            while (afterRemovals > 0 && store.List().Count > tracked - afterRemovals && !run.HasExited)
                await Task.Delay(1, Cancel);
        }

        await Task.Delay(Random.Shared.Next(afterRemovals == 0 ? 1500 : 20), Cancel);
        run.Kill();
    }

    private string PathOf(string name) => Path.Combine(Path.GetDirectoryName(DatabasePath)!, name);

    private Daemon Run(params string[] arguments) => RunAt(Engine.Address.ToString(), arguments);

    private Daemon RunAt(string address, params string[] arguments) =>
        new(_environment, ["run", "--db", DatabasePath, "--engine", address, .. arguments]);

    /// <summary>Records with the time as it was.</summary>
    private void Record(TimeSpan age, params string[] images)
    {
        using var store = Open(new SteppingTime(DateTimeOffset.UtcNow - age));
        store.RecordUse(images);
    }

    private List<string> Tracked()
    {
        using var store = Open(TimeProvider.System);
        return [.. store.List().Select(image => image.ImageId)];
    }

    private int Prunes()
    {
        using var store = Open(TimeProvider.System);
        return store.ListPrunes().Count;
    }

    private ImageUseStore Open(TimeProvider time) => ImageUseStore.Open(new ImageUseStoreOptions { DatabasePath = DatabasePath }, time);

    private async Task<List<string>> ExistingAsync(IEnumerable<string> images)
    {
        var existing = await Docker.Images.ListImagesAsync(new ImagesListParameters { All = true }, Cancel);
        return [.. existing.Select(image => image.ID).Intersect(images)];
    }

    private static async Task UntilAsync(Func<bool> condition, Daemon run)
    {
        while (!condition())
        {
            Assert.False(run.HasExited, run.Error);
            await Task.Delay(20, Cancel);
        }
    }

    /// <summary>dockerd itself listens on TCP only with another configuration, so this goes between.</summary>
    private async Task ForwardAsync(TcpListener listener)
    {
        try
        {
            while (true)
            {
                var client = await listener.AcceptTcpClientAsync(Cancel);
                _ = Task.Run(async () =>
                {
                    using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                    await socket.ConnectAsync(new UnixDomainSocketEndPoint(Engine.Address.AbsolutePath), Cancel);
                    await using var unix = new NetworkStream(socket);
                    await using var tcp = client.GetStream();
                    await Task.WhenAny(tcp.CopyToAsync(unix, Cancel), unix.CopyToAsync(tcp, Cancel));
                }, Cancel);
            }
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException or OperationCanceledException)
        {
            // The test is over.
        }
    }
}
