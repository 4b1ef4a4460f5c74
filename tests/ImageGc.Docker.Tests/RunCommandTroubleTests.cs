using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Docker.DotNet.Models;
using Microsoft.Data.Sqlite;

namespace ImageGc.Docker.Tests;

/// <summary>`imagegc run` when something is wrong, or when it is ended in the middle.</summary>
public sealed class RunCommandTroubleTests(PrivateEngine engine) : RunCommandTest(engine)
{
    [Theory]
    [InlineData("unix:///nonexistent.sock", "the socket does not exist. Start Docker")]
    [InlineData("unix:///bin/busybox", "nothing listens there. Start Docker")]
    [InlineData("tcp://127.0.0.1:1", "nothing listens there. Start Docker")]
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
    public async Task A_server_that_is_not_Docker_is_reported_as_such()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        using var run = RunAt($"tcp://{listener.LocalEndpoint}", "--once");
        using (var connection = await ResultAsync(
            listener.AcceptTcpClientAsync(Cancel).AsTask(), "the program connects"))
        {
            await connection.GetStream().ReadAtLeastAsync(new byte[1], 1, cancellationToken: Cancel);
            await connection.GetStream()
                .WriteAsync("HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\n<a/>"u8.ToArray(), Cancel);

            Assert.Equal(1, await run.EndAsync());
        }

        Assert.Contains("a program that is not Docker answers there", run.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--once")]
    [InlineData("--once", "--dry-run")]
    public async Task A_signal_interrupts_a_run_with_once(params string[] arguments)
    {
        Record(Old, "sha256:old");
        using var silent = new TcpListener(IPAddress.Loopback, 0);
        silent.Start();
        using var run = RunAt($"tcp://{silent.LocalEndpoint}", arguments);
        using var asked = await ResultAsync(silent.AcceptTcpClientAsync(Cancel).AsTask(), "the program connects");

        run.Terminate();

        Assert.Equal(130, await run.EndAsync());
        Assert.Contains("Stopping", run.Error, StringComparison.Ordinal);
        Assert.Single(Tracked());
    }

    [Theory]
    [InlineData("missing.json", null, "The configuration file '")]
    [InlineData("bad.json", "{ bad", "bad.json' is not valid JSON: see line 1, column 3.")]
    [InlineData(
        "typo.json", """{ "ImageGarbageCollection": { "KeepImage": "agent" } }""",
        "KeepImage is not a setting; the nearest is KeepImages.")]
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
    public async Task A_database_that_cannot_be_reached_ends_the_start()
    {
        using var run = new Daemon(
            Variables, ["run", "--db", PathOf("missing/image_use.db"), "--engine", Engine.Address.ToString()]);

        Assert.Equal(1, await run.EndAsync());
        Assert.StartsWith("imagegc: ", run.Error, StringComparison.Ordinal);
        Assert.Contains(PathOf("missing/image_use.db"), run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Once_ends_with_1_if_an_image_could_not_be_removed_and_its_document_says_why()
    {
        var old = await CreateImageAsync();
        var child = await CreateChildAsync(old);
        Record(Old, old);

        using var run = Run("--once", "--json");

        Assert.Equal(1, await run.EndAsync());
        var image = JsonDocument.Parse(await run.Output).RootElement.GetProperty("images")[0];
        Assert.Equal(("Failed", old),
            (image.GetProperty("reason").GetString(), image.GetProperty("imageId").GetString()));
        Assert.Contains("image has dependent child images", image.GetProperty("failure").GetString(),
            StringComparison.Ordinal);
        await RemoveImageAsync(child);

        using var text = Run("--once");
        Assert.Equal(0, await text.EndAsync());
        Assert.StartsWith($"removed\t{old}\t", await text.Output, StringComparison.Ordinal);
        Assert.Matches(
            $@"Removed 1 image(, which freed [0-9.]+ [kM]?B)?\. 0 images tracked in {DatabasePath}\.", text.Error);
    }

    [Fact]
    public async Task Once_prints_its_document_even_if_the_engine_goes_away_in_the_middle()
    {
        using var docker = new FakeDocker29();
        string[] images = [docker.AddImage("app:1"), docker.AddImage("app:2"), docker.AddImage("app:3")];
        Record(Old, images);
        docker.Before = request => request.StartsWith("DELETE", StringComparison.Ordinal) && docker.ImageIds.Count < 3
            ? new FakeAnswer(HttpStatusCode.Forbidden, "<html>proxy</html>")
            : null;

        using var run = RunAt($"{docker.Address}", "--once", "--json");

        Assert.Equal(1, await run.EndAsync());
        var document = JsonDocument.Parse(await run.Output).RootElement.GetProperty("images").EnumerateArray()
            .Select(image => image.GetProperty("reason").GetString());
        Assert.Equal(["Removed", "Failed"], document);
        Assert.Contains("Allow DELETE /images/{name} in its configuration.", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_database_that_is_deleted_under_the_daemon_ends_it_with_1_so_that_it_is_restarted()
    {
        var image = await CreateImageAsync();
        using var daemon = Run();
        await UntilItWatchesAsync(daemon);

        File.Delete(DatabasePath);
        await CreateContainerAsync(image);

        Assert.Equal(1, await daemon.EndAsync());
        Assert.Contains("crit: ImageGc.Hosting.Health[121] Stopping with exit code 1: Could "
            + $"not use '{DatabasePath}': the file or its log was moved", daemon.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", daemon.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("notes", "move the file aside; it was left untouched")]
    [InlineData(":memory:", "DatabasePath is ':memory:'")]
    public async Task A_database_that_the_store_refuses_ends_the_daemon_with_1_and_one_line(string name, string why)
    {
        await File.WriteAllTextAsync(PathOf("notes"), "sha256:old 1700000000", Cancel);
        Variables["ImageGarbageCollection__DatabasePath"] = name == "notes" ? PathOf(name) : name;

        using var daemon = new Daemon(Variables, "run", "--engine", Engine.Address.ToString());

        Assert.Equal(1, await daemon.EndAsync());
        Assert.Contains(why, daemon.Error, StringComparison.Ordinal);
        Assert.StartsWith("imagegc: ", Assert.Single(daemon.Error.Trim().Split('\n')), StringComparison.Ordinal);
    }

    [Fact]
    public async Task TLS_is_refused_at_the_start_and_a_wrong_DOCKER_HOST_too()
    {
        (Variables["DOCKER_HOST"], Variables["DOCKER_TLS_VERIFY"]) = ("tcp://127.0.0.1:2376", "1");
        using var tls = new Daemon(Variables, "run", "--db", DatabasePath);
        Assert.Equal(1, await tls.EndAsync());
        Assert.StartsWith("imagegc: EngineAddress is 'tcp://127.0.0.1:2376/' and DOCKER_TLS_VERIFY is set: TLS is not "
            + "supported. Use the engine's unix socket", tls.Error, StringComparison.Ordinal);

        foreach (var address in (string[])["docker", "tcp://127.0.0.1:99999"])
        {
            Variables["DOCKER_HOST"] = address;
            using var wrong = new Daemon(Variables, "run", "--db", DatabasePath);
            Assert.Equal(1, await wrong.EndAsync());
            Assert.Equal($"imagegc: DOCKER_HOST is '{address}': use unix:///path or tcp://host:port.",
                wrong.Error.Trim());
        }
    }

    [Theory]
    [InlineData("json", true, """(?m)^\{"Timestamp":"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ","EventId":113,""")]
    [InlineData(
        null, false, @"(?m)^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ info: ImageGc\.Hosting\.CleanupWorker\[113\] Images are")]
    [InlineData("systemd", false, @"(?m)^<6>ImageGc\.Hosting\.CleanupWorker\[113\] Images are")]
    public async Task The_log_has_times_and_the_format_that_a_flag_or_the_logging_settings_name(
        string? format, bool byFlag, string line)
    {
        if (format is not null && !byFlag)
            Variables["Logging__Console__FormatterName"] = format;

        using var daemon = Run(byFlag ? ["--log-format", format!] : []);
        await UntilItWatchesAsync(daemon);

        Assert.Matches(line, daemon.Error);
    }

    [Fact]
    public async Task Local_times_in_the_log_are_not_marked_as_UTC()
    {
        (Variables["Logging__Console__FormatterOptions__UseUtcTimestamp"], Variables["TZ"]) = ("false", "Asia/Kolkata");

        using var daemon = Run();
        await UntilItWatchesAsync(daemon);

        Assert.Matches(@"(?m)^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\+05:30 info: ", daemon.Error);
    }

    [Fact]
    public async Task An_unknown_log_level_is_refused()
    {
        Variables["Logging__LogLevel__Default"] = "Chatty";
        using var daemon = Run();

        Assert.Equal(1, await daemon.EndAsync());
        Assert.StartsWith("imagegc: The section Logging of the settings is not valid: ",
            Assert.Single(daemon.Error.Trim().Split('\n')), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_unknown_log_format_is_refused()
    {
        Variables["Logging__Console__FormatterName"] = "jsn";
        using var daemon = Run();

        Assert.Equal(1, await daemon.EndAsync());
        Assert.Equal("imagegc: Logging:Console:FormatterName is 'jsn': use simple, json or systemd.",
            daemon.Error.Trim());
    }

    /// <remarks>IMAGEGC_KILL_ROUNDS sets the number of rounds.</remarks>
    [Fact]
    public async Task Killed_at_any_moment_of_a_run_it_leaks_no_image_and_removes_none_in_use()
    {
        var rounds = int.Parse(
            Environment.GetEnvironmentVariable("IMAGEGC_KILL_ROUNDS") ?? "12", CultureInfo.InvariantCulture);
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
        using (var connection = new SqliteConnection($"Data Source={DatabasePath};Pooling=false"))
        {
            connection.Open();
            using var age = new SqliteCommand(
                "UPDATE missing_image SET missed_at = missed_at - 12 * 3600 * 1000", connection);
            age.ExecuteNonQuery();
        }

        using var tomorrow = Run("--once"); // It misses the images that a killed run removed for the second time.
        Assert.Equal(0, await tomorrow.EndAsync());
        Assert.Equal(inUse.Order(), Tracked().Intersect(all).Order());
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{midRun} of {rounds} kills came in the middle of a run, "
            + $"{orphans.Count} between a removal and its forgetting.");
    }

    /// <summary>Kills it at a random moment: soon after its start, or after so many removals.</summary>
    private async Task KillAsync(Daemon run, int afterRemovals)
    {
        using (var store = Open(TimeProvider.System))
        {
            var left = store.List().Count - afterRemovals;
            await Hosting.Tests.Until.UntilAsync(
                () => afterRemovals == 0 || store.List().Count <= left || run.HasExited);
        }

        // This waits for nothing: the moment is random.
        await Task.Delay(Random.Shared.Next(afterRemovals == 0 ? 1500 : 20), Cancel);
        run.Kill();
    }

    private int Prunes()
    {
        using var store = Open(TimeProvider.System);
        return store.ListPrunes().Count;
    }

    private async Task<List<string>> ExistingAsync(IEnumerable<string> images)
    {
        var existing = await Docker.Images.ListImagesAsync(new ImagesListParameters { All = true }, Cancel);
        return [.. existing.Select(image => image.ID).Intersect(images)];
    }
}
