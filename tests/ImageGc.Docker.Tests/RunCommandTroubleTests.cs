using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Docker.DotNet.Models;
using Microsoft.Data.Sqlite;

namespace ImageGc.Docker.Tests;

/// <summary>What `imagegc run` does when something is wrong, or when it is ended in the middle.</summary>
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
    public async Task What_is_no_Docker_is_named_so()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        using var run = RunAt($"tcp://{listener.LocalEndpoint}", "--once");
        using (var connection = await listener.AcceptTcpClientAsync(Cancel))
        {
            await connection.GetStream().ReadAtLeastAsync(new byte[1], 1, cancellationToken: Cancel);
            await connection.GetStream()
                .WriteAsync("HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\n<a/>"u8.ToArray(), Cancel);

            Assert.Equal(1, await run.EndAsync());
        }

        Assert.Contains("what listens there is not Docker", run.Error, StringComparison.Ordinal);
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
    [InlineData(
        "typo.json", """{ "ImageGarbageCollection": { "KeepImage": "agent" } }""",
        "KeepImage is no setting: use Enabled, ")]
    public async Task A_wrong_configuration_file_is_named_with_what_is_wrong(string name, string? content, string wrong)
    {
        if (content is not null)
            await File.WriteAllTextAsync(PathOf(name), content, Cancel);

        using var run = Run("--config", PathOf(name));

        Assert.Equal(1, await run.EndAsync());
        Assert.StartsWith("imagegc: ", run.Error, StringComparison.Ordinal);
        Assert.Contains(wrong, run.Error, StringComparison.Ordinal);
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

        using var tomorrow = Run("--once"); // Those that were removed when it was killed are missed twice.
        Assert.Equal(0, await tomorrow.EndAsync());
        Assert.Equal(inUse.Order(), Tracked().Intersect(all).Order());
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{midRun} of {rounds} kills came in the middle of a run, "
            + $"{orphans.Count} between a removal and its forgetting.");
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
