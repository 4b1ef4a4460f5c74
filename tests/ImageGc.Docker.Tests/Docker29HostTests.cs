using ImageGc.Hosting;
using ImageGc.Sqlite;
using ImageGc.Sqlite.Tests;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace ImageGc.Docker.Tests;

/// <summary>A host beside Docker 29.</summary>
public sealed class Docker29HostTests : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("imagegc-");
    private readonly FakeDocker29 _docker = new();
    private readonly SteppingTime _time = new();
    private readonly RecordingLog _log = new();
    private readonly IHost _host;

    public Docker29HostTests()
    {
        var builder = Host.CreateApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        builder.Configuration.AddInMemoryCollection(
            [
                new("DatabasePath", Path.Combine(_directory.FullName, "image_use.db")),
                new("EngineAddress", _docker.Address.ToString()), new("WatchContainers", "true"),
            ]);
        builder.Services.AddSingleton<TimeProvider>(_time);
        builder.Services.AddSingleton<ILoggerFactory>(_log);
        builder.Services.AddImageGarbageCollection(builder.Configuration).AddDocker();
        _host = builder.Build();
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private ImageUseStore Store => _host.Services.GetRequiredService<ImageUseStore>();

    private IImageGarbageCollector Collector => _host.Services.GetRequiredService<IImageGarbageCollector>();

    [Fact]
    public async Task What_is_unused_is_removed_and_what_a_container_uses_or_mounts_stays()
    {
        var (used, mounted) = (_docker.AddImage("a:1"), _docker.AddImage("b:1"));
        var unused = _docker.AddImage("c:1", "d:1");
        Store.RecordUse([used, mounted, unused]);
        _docker.AddContainer("a:1", running: false, mounted: "b:1");
        _time.Pass(TimeSpan.FromDays(8));

        var result = await Collector.RunAsync(Cancel);

        Assert.Equal([unused], result.Removed.Select(image => image.ImageId));
        Assert.Equal([used, mounted], _docker.ImageIds);
        Assert.Equal(2, Store.Count());
    }

    [Fact]
    public async Task The_images_of_containers_are_recorded_as_they_come_and_go_also_across_a_restart_of_the_engine()
    {
        var (before, after) = (_docker.AddImage("before:1"), _docker.AddImage("after:1"));
        await _host.StartAsync(Cancel);
        await UntilAsync(() => _docker.Requests.Any(request => request.EndsWith("/events", StringComparison.Ordinal)));

        _docker.RemoveContainer(_docker.AddContainer("before:1"));
        await UntilAsync(() => Store.Find(before) is not null);
        _docker.EndStreams();
        await UntilAsync(() => _log.Messages(LogLevel.Warning).Count > 0);
        _docker.AddContainer("after:1");
        await UntilAsync(() =>
        {
            _time.Pass(TimeSpan.FromSeconds(1));
            return Store.Find(after) is not null;
        });

        await _host.StopAsync(Cancel);
    }

    public void Dispose()
    {
        _host.Dispose();
        _docker.Dispose();
        _directory.Delete(recursive: true);
    }
}
