using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;

namespace ImageGc.Docker.Tests;

/// <summary>`imagegc run`, with and without `--once`.</summary>
public sealed class RunCommandTests(PrivateEngine engine) : RunCommandTest(engine)
{
    [Fact]
    public async Task Once_records_what_is_in_use_and_removes_what_expired()
    {
        var (old, young, used) = (await CreateImageAsync(), await CreateImageAsync(), await CreateImageAsync());
        await CreateContainerAsync(used);
        Record(Old, old);
        Record(TimeSpan.FromDays(1), young);

        using var run = Run("--once");

        Assert.Equal(0, await run.EndAsync());
        Assert.Contains("Removed 1 image", run.Error, StringComparison.Ordinal);
        Assert.False(await ExistsAsync(old));
        Assert.Equal(new[] { used, young }.Order(), Tracked().Intersect([old, used, young]).Order());
    }

    [Fact]
    public async Task A_dry_run_lists_what_would_be_removed_and_changes_nothing()
    {
        var (old, kept) = (await CreateImageAsync(), await CreateImageAsync());
        Record(Old, old, kept);

        using var run = Run("--dry-run", "--keep", kept);

        Assert.Equal(0, await run.EndAsync());
        Assert.Contains($"expired\t{old}", await run.Output, StringComparison.Ordinal);
        Assert.Contains($"kept\t{kept}", await run.Output, StringComparison.Ordinal);
        Assert.True(await ExistsAsync(old));
        Assert.Equal(2, Tracked().Count);
    }

    [Fact]
    public async Task The_daemon_notifies_systemd_watches_and_ends_on_SIGTERM()
    {
        var image = await CreateImageAsync();
        var socketPath = PathOf("n");
        using var notify = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        notify.Bind(new UnixDomainSocketEndPoint(socketPath));
        Variables["NOTIFY_SOCKET"] = socketPath;
        Variables[Daemon.Parent] = PathOf("systemd");

        using var run = Run();
        var buffer = new byte[100];
        var ready = await ReceiveAsync("READY");
        await UntilItWatchesAsync(run);
        var status = "";
        while (!Regex.IsMatch(status, "^STATUS=Watching since 2.*Z, next cleanup at 2.*Z$"))
        {
            status = await ReceiveAsync($"the status that it watches, after '{status}'");
        }

        await CreateContainerAsync(image);
        await UntilAsync(() => Tracked().Contains(image), run);
        run.Terminate();

        Assert.StartsWith("READY=1", ready, StringComparison.Ordinal);
        Assert.Equal(0, await run.EndAsync());

        async Task<string> ReceiveAsync(string expected) => Encoding.UTF8.GetString(
            buffer, 0, await ResultAsync(notify.ReceiveAsync(buffer.AsMemory(), Cancel).AsTask(), expected));
    }

    [Fact]
    public async Task Flags_win_over_the_environment_and_the_environment_over_the_file()
    {
        var config = PathOf("imagegc.json");
        await File.WriteAllTextAsync(config, """
            { "ImageGarbageCollection": {
                "CleanupTime": "bad", "CleanupRecurrence": "bad", "ImageAgeCleanupThreshold": "bad" } }
            """, Cancel);
        Variables["ImageGarbageCollection__CleanupTime"] = "worse";
        Variables["ImageGarbageCollection__CleanupRecurrence"] = "worse";
        Variables["ImageGarbageCollection__ImageAgeCleanupThreshold"] = "3d";

        using var byEnvironment = Run("--config", config, "--once", "--every", "2d");
        await byEnvironment.EndAsync();
        using var byFlag = Run("--config", config, "--once", "--every", "often", "--cleanup-time", "03:30");
        await byFlag.EndAsync();

        Assert.Contains("ImageGarbageCollection:CleanupTime is 'worse'", byEnvironment.Error, StringComparison.Ordinal);
        Assert.Contains("--every is 'often'", byFlag.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Beside_a_daemon_once_with_other_settings_is_refused_a_dry_run_works_and_a_second_daemon_waits()
    {
        var old = await CreateImageAsync();
        Record(Old, old);
        using var daemon = Run();
        await UntilItWatchesAsync(daemon);
        using var once = Run("--once", "--older-than", "0");
        using var dryRun = Run("--dry-run");
        using var second = Run("--older-than", "0");

        Assert.Equal(1, await once.EndAsync());
        Assert.StartsWith(
            "imagegc: A daemon uses this database with other settings. ", once.Error,
            StringComparison.Ordinal);
        Assert.Equal(0, await dryRun.EndAsync());
        Assert.Contains($"expired\t{old}", await dryRun.Output, StringComparison.Ordinal);
        await UntilAsync(
            () => second.Error.Contains("only one process can at a time", StringComparison.Ordinal), second);
        Assert.True(await ExistsAsync(old));

        daemon.Kill();
        using var afterwards = Run("--once");
        Assert.Equal(0, await afterwards.EndAsync());
        Assert.False(await ExistsAsync(old));
    }

    [Fact]
    public async Task Beside_a_daemon_once_makes_the_daemon_clean_up_by_its_own_settings()
    {
        var (old, young) = (await CreateImageAsync(), await CreateImageAsync());
        Record(TimeSpan.FromDays(3), old);
        Record(TimeSpan.FromDays(1), young);
        // In a container both have the same environment. The daemon notes these in another form.
        Variables["ImageGarbageCollection__KeepImages"] = "agent:1,tool:2";
        Variables["ImageGarbageCollection__ImageAgeCleanupThreshold"] = "72h";
        Variables["ImageGarbageCollection__OwnerLabel"] = "";
        using var daemon = Run("--older-than", "2d");
        await UntilItWatchesAsync(daemon);

        using var once = Run("--once");

        Assert.Equal(0, await once.EndAsync());
        Assert.Contains($"removed\t{old}", await once.Output, StringComparison.Ordinal);
        Assert.False(await ExistsAsync(old));
        Assert.True(await ExistsAsync(young));
    }

    [Fact]
    public async Task Once_removes_nothing_itself_if_the_daemon_that_it_asked_ends()
    {
        var old = await CreateImageAsync();
        Record(Old, old);
        using var daemon = Run("--keep", old);
        await UntilItWatchesAsync(daemon);
        daemon.Pause();
        using var once = Run("--once");
        await UntilAsync(IsAsked, once);

        daemon.Kill();

        Assert.Equal(1, await once.EndAsync());
        Assert.Contains("The daemon ended before the cleanup was done", once.Error, StringComparison.Ordinal);
        Assert.True(await ExistsAsync(old));

        bool IsAsked()
        {
            using var store = Open(TimeProvider.System);
            return store.FindNote("cleanup_request_id") is not null;
        }
    }

    [Fact]
    public async Task Containers_that_came_and_went_between_two_runs_with_once_count_as_uses()
    {
        var image = await CreateImageAsync();
        using (var first = Run("--once"))
            Assert.Equal(0, await first.EndAsync());
        Record(Old, image);

        await RemoveContainerAsync(await CreateContainerAsync(image));
        using var second = Run("--once");

        Assert.Equal(0, await second.EndAsync());
        Assert.True(await ExistsAsync(image));
    }

    [Fact]
    public async Task An_engine_that_was_replaced_is_refused_until_it_is_accepted()
    {
        var old = await CreateImageAsync();
        Record(Old, old);
        using (var store = Open(TimeProvider.System))
            store.RecordUse([], new Dictionary<string, string> { ["engine"] = "docker OTHER overlayfs" });

        using var refused = Run("--once");
        Assert.Equal(1, await refused.EndAsync());
        Assert.Contains("it was 'docker OTHER overlayfs' and is 'docker ", refused.Error, StringComparison.Ordinal);
        Assert.Contains("run 'imagegc accept-engine'", refused.Error, StringComparison.Ordinal);
        Assert.True(await ExistsAsync(old));

        using var accept = new Daemon(
            Variables, "accept-engine", "--db", DatabasePath, "--engine", Engine.Address.ToString());
        Assert.Equal(0, await accept.EndAsync());
        Assert.StartsWith("docker ", await accept.Output, StringComparison.Ordinal);
        using var accepted = Run("--once");
        Assert.Equal(0, await accepted.EndAsync());
        Assert.True(await ExistsAsync(old)); // It counts as used now, because the recorded times are of another engine.
        using var later = Run("--once", "--older-than", "0");
        Assert.Equal(0, await later.EndAsync());
        Assert.False(await ExistsAsync(old));
    }

    [Fact]
    public async Task Images_to_keep_may_be_a_JSON_list_in_the_environment_and_what_matches_nothing_is_reported()
    {
        var name = NewName();
        var (kept, old) = (await CreateImageAsync(name), await CreateImageAsync());
        Record(Old, kept, old);
        Variables["ImageGarbageCollection__KeepImages"] = $"[\"{name}\", \"{name}-typo\"]";

        using var dryRun = Run("--dry-run", "--keep-newest", "0", "--keep", "nothing", "--keep-label", "none");

        Assert.Equal(0, await dryRun.EndAsync());
        Assert.Matches($"kept\t{kept}\t.*\tKeepImages {name}\n", await dryRun.Output);
        Assert.Contains($"KeepImages has '{name}-typo', which matches no image; the nearest name is {name}:1",
            dryRun.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_dry_run_leaves_the_flat_file_alone()
    {
        Record(Old, "sha256:old");
        await File.WriteAllTextAsync(PathOf("image_use"), "sha256:other 1\n", Cancel);
        Variables["ImageGarbageCollection__FlatFilePath"] = PathOf("image_use");

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

    /// <summary>Forwards TCP to the socket of dockerd, which listens on TCP only with another configuration.</summary>
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
        catch (Exception exception)
            when (exception is SocketException or ObjectDisposedException or OperationCanceledException)
        {
            // The test is over.
        }
    }
}
