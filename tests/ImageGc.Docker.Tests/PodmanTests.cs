using ImageGc.Hosting;
using ImageGc.Sqlite;
using ImageGc.Sqlite.Tests;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace ImageGc.Docker.Tests;

/// <summary>A host beside a real Podman, through its Docker-compatible service.</summary>
public sealed class PodmanTests : IClassFixture<PrivatePodman>, IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("imagegc-");
    private readonly PrivatePodman _podman;
    private readonly SteppingTime _time = new();
    private readonly RecordingLog _log = new();
    private readonly IHost _host;

    public PodmanTests(PrivatePodman podman)
    {
        _podman = podman;
        var builder = Host.CreateApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        builder.Configuration.AddInMemoryCollection(
            [
                new("DatabasePath", Path.Combine(_directory.FullName, "image_use.db")),
                new("EngineAddress", podman.Address.ToString()), new("WatchContainers", "true"),
            ]);
        builder.Services.AddSingleton<TimeProvider>(_time);
        builder.Services.AddSingleton<ILoggerFactory>(_log);
        builder.Services.AddImageGarbageCollection(builder.Configuration).AddDocker();
        _host = builder.Build();
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private ImageUseStore Store => _host.Services.GetRequiredService<ImageUseStore>();

    /// <remarks>Podman itself would remove it without an error, and the container could not be started again.</remarks>
    [Fact]
    public async Task An_image_that_is_mounted_into_a_container_stays()
    {
        var (agent, files) = (_podman.CreateImage("edge/agent:1"), _podman.CreateImage("edge/files:1"));
        var unused = _podman.CreateImage("edge/unused:1");
        Record(agent, files, unused);
        var container = _podman.CreateContainer("edge/agent:1", "edge/files:1");

        var result = await RunAsync();

        Assert.Equal([unused], result.Removed.Select(image => image.ImageId));
        Assert.Equal(["localhost/edge/unused:1"], result.Removed[0].Names.Where(name => !name.Contains('@')));
        Assert.Equal([agent, files], Tracked.Order().Intersect([agent, files]).OrderBy(id => id == files));
        _podman.Run("start", container);
    }

    [Fact]
    public async Task A_mounted_image_stays_when_its_name_moves_or_is_removed()
    {
        var mounted = _podman.CreateImage("edge/moves:1");
        Record(mounted, _podman.CreateImage("edge/agent:2"));
        _podman.CreateContainer("edge/agent:2", "edge/moves:1");
        await RunAsync();
        _time.Pass(TimeSpan.FromDays(8));

        _podman.CreateImage("edge/moves:1");
        Assert.Empty((await RunAsync()).Removed);
        _podman.Run("untag", "edge/moves:1");
        _time.Pass(TimeSpan.FromDays(8));

        Assert.DoesNotContain(mounted, (await RunAsync()).Removed.Select(image => image.ImageId));
        Assert.Contains(mounted, _podman.Run("images", "--all", "--quiet", "--no-trunc"));
        _podman.Run("tag", mounted, "edge/moves:1"); // Without it, Podman cannot remove the container.
    }

    [Fact]
    public async Task An_event_counts_once()
    {
        var image = _podman.CreateImage("edge/once:1");
        await RunAsync();
        _podman.Run("rm", _podman.CreateContainer("edge/once:1"));
        await RunAsync();
        var used = Store.Find(image)!.Value.LastUsedAt;
        _time.Pass(TimeSpan.FromDays(1));

        await RunAsync();

        Assert.Equal(used, Store.Find(image)!.Value.LastUsedAt);
    }

    [Fact]
    public async Task An_image_with_several_names_is_removed()
    {
        var image = _podman.CreateImage("edge/several:1", "edge/several:2", "other/name:1");
        Record(image);

        await RunAsync();

        Assert.DoesNotContain(image, Tracked);
        Assert.DoesNotContain(image, _podman.Run("images", "--quiet", "--no-trunc"));
        Assert.Empty(_log.Messages(LogLevel.Warning));
    }

    [Fact]
    public async Task An_image_that_another_program_removed_is_forgotten_at_its_event()
    {
        var (gone, there) = (_podman.CreateImage("edge/gone:1"), _podman.CreateImage("edge/there:1"));
        Record(gone, there);
        await StartAsync();

        _podman.Run("rmi", "edge/gone:1");

        await UntilAsync(() => !Tracked.Contains(gone));
        Assert.Contains(there, Tracked);
        Assert.Equal(PruneKind.Gone, Assert.Single(Store.ListRemoved()).Kind);
        await _host.StopAsync(Cancel);
    }

    [Fact]
    public async Task An_image_recorded_by_a_name_or_a_short_ID_is_tracked_by_its_ID()
    {
        var (named, shortened) = (_podman.CreateImage("edge/named:1"), _podman.CreateImage());
        Record("edge/named:1", shortened[7..19]);

        await RunAsync();

        Assert.Equal(new[] { named, shortened }.Order(), Tracked.Order());
    }

    [Fact]
    public async Task Containers_that_come_and_go_and_new_tags_count_as_uses_of_their_images()
    {
        var (before, during) = (_podman.CreateImage("edge/before:1"), _podman.CreateImage("edge/during:1"));
        var tagged = _podman.CreateImage("edge/tagged:1");
        Record(tagged);
        var ends = _podman.CreateContainer("edge/before:1");
        await StartAsync();
        Assert.Contains(before, Tracked);
        _time.Pass(TimeSpan.FromMinutes(1)); // A cleanup is not due yet.

        _podman.Run("rm", ends);
        _podman.Run("rm", _podman.CreateContainer("edge/during:1"));
        _podman.Run("tag", tagged, "edge/tagged:2");

        await UntilAsync(() => new[] { before, during, tagged }.All(
            image => Store.Find(image)?.LastUsedAt == _time.GetUtcNow()));
        await _host.StopAsync(Cancel);
    }

    [Fact]
    public async Task Containers_that_came_and_went_between_two_runs_of_cron_count_as_uses()
    {
        var (first, image) = (_podman.CreateImage("edge/first:1"), _podman.CreateImage("edge/cron:1"));
        _podman.CreateContainer("edge/first:1");
        await RunAsync();
        Record(image);

        _podman.Run("rm", _podman.CreateContainer("edge/cron:1"));
        var result = await RunAsync();

        Assert.DoesNotContain(image, result.Removed.Select(one => one.ImageId));
        Assert.Equal(_time.GetUtcNow(), Store.Find(image)?.LastUsedAt);
        Assert.NotNull(Store.Find(first));
    }

    [Theory]
    [InlineData("edge/kept")]
    [InlineData("localhost/edge/kept:1")]
    public async Task A_name_in_KeepImages_may_leave_out_the_host_that_Podman_adds(string written)
    {
        var engine = _host.Services.GetRequiredService<IContainerEngine>();
        var kept = _podman.CreateImage("edge/kept:1");
        var options = new ImageGarbageCollectionOptions { KeepImages = { written } };

        var images = await engine.ListImagesAsync(Cancel);

        Assert.Equal($"KeepImages {written}",
            new KeptImages(options).Among(images, [], new HashSet<string>()).GetValueOrDefault(kept));
    }

    [Fact]
    public async Task An_image_in_a_read_only_store_of_Podman_is_kept()
    {
        var image = _podman.CreateImage("edge/read-only:1");
        await using var second = new PrivatePodman { ReadOnlyRoot = _podman.Root };
        await second.InitializeAsync();
        using var engine = new DockerEngine(
            Options.Create(new DockerOptions { EngineAddress = second.Address }), new Logger<DockerEngine>(_log));
        var own = second.CreateImage("edge/own:1");

        var images = (await engine.ListImagesAsync(Cancel)).ToDictionary(one => one.ImageId);

        Assert.True(images[image].ReadOnly);
        Assert.Equal("the engine's store is read-only", new KeptImages(new ImageGarbageCollectionOptions())
            .Among([.. images.Values], [], new HashSet<string>())[image]);
        Assert.False(images[own].ReadOnly);
        await Assert.ThrowsAnyAsync<EngineRequestFailedException>(() => engine.RemoveImageAsync(image, Cancel));
    }

    [Fact]
    public async Task The_identity_of_Podman_is_stable_although_its_ID_changes_at_each_call()
    {
        var engine = _host.Services.GetRequiredService<IContainerEngine>();

        var identity = await engine.IdentifyAsync(Cancel);

        Assert.Matches("^podman /.*/root vfs$", identity);
        Assert.Equal(identity, await engine.IdentifyAsync(Cancel));
    }

    private IEnumerable<string> Tracked => Store.List().Select(image => image.ImageId);

    private void Record(params string[] images)
    {
        Store.RecordUse(images);
        _time.Pass(TimeSpan.FromDays(8));
    }

    private async Task StartAsync()
    {
        await _host.StartAsync(Cancel);
        await UntilAsync(() => _log.Messages(LogLevel.Information).Exists(
            message => message.StartsWith("Watching", StringComparison.Ordinal)));
    }

    private Task<PruneResult> RunAsync() =>
        _host.Services.GetRequiredService<IImageGarbageCollector>().RunAsync(Cancel);

    public void Dispose()
    {
        _host.Dispose();
        _podman.Run("rm", "--all", "--force", "--time", "0");
        _directory.Delete(recursive: true);
    }
}
