using System.Net;
using ImageGc.Hosting;
using ImageGc.Sqlite;
using ImageGc.Sqlite.Tests;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace ImageGc.Docker.Tests;

/// <summary>
/// Simulates weeks in seconds: images and containers come and go, the engine and the host restart again and again, and
/// the engine refuses some removals.
/// </summary>
public sealed class SoakTests : IDisposable
{
    private const int Restarts = 20;
    private static readonly TimeSpan Threshold = TimeSpan.FromDays(7);
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("imagegc-");
    private readonly FakeDocker29 _docker = new();
    private readonly SteppingTime _time = new();
    private readonly Random _random = new(2026);
    private readonly List<string> _images = [];
    private readonly Dictionary<string, DateTimeOffset> _lastUsed = [];
    private readonly List<string> _wrong = [];
    private RecordingLog _log = new();
    private IHost? _host;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private ImageUseStore Store => _host!.Services.GetRequiredService<ImageUseStore>();

    [Fact]
    public async Task No_image_used_within_the_threshold_is_removed_none_leaks_and_the_history_is_complete()
    {
        for (var image = 0; image < 20; image++)
            _images.Add(_docker.AddImage($"image-{image}:1"));
        _docker.After = CheckRemoval;
        await StartAsync(); // The host does not learn of events before its first start.
        for (var round = 0; round < Restarts; round++)
        {
            for (var step = 0; step < 3; step++)
                await UseAsync();
            if (round % 2 == 0)
                await ComeAgainAsync(round);
            await RestartEngineAsync();

            _docker.Before = request => request.StartsWith("DELETE", StringComparison.Ordinal) && _random.Next(3) == 0
                ? FakeDocker29.Refuse(HttpStatusCode.InternalServerError, "no")
                : null;
            await CollectAsync();
            _docker.Before = _ => null;
            await StopAsync();

            var unseen = AnyImage();
            _docker.RemoveContainer(_docker.AddContainer(unseen));
            _time.Pass(TimeSpan.FromHours(20));
            await StartAsync();
            await IsUsedAsync(unseen);
            await CollectAsync();
        }

        for (var day = 0; day < 10; day++)
        {
            _time.Pass(TimeSpan.FromDays(1));
            await CollectAsync();
        }

        Assert.Equal([], _wrong);
        Assert.Empty(Store.List());
        Assert.Empty(_docker.ImageIds.Intersect(_lastUsed.Keys));
        Assert.Equal(_lastUsed.Keys.Order(), Store.ListRemoved().Select(removed => removed.Image.ImageId).Order());
        Assert.True(_lastUsed.Count > 15, $"{_lastUsed.Count} images were removed.");
        await StopAsync();
    }

    /// <summary>A container comes and goes, for a moment or for hours.</summary>
    private async Task UseAsync()
    {
        var image = AnyImage();
        var container = _docker.AddContainer(image);
        await IsUsedAsync(image);
        _time.Pass(TimeSpan.FromHours(_random.Next(1, 5)));
        _docker.RemoveContainer(container);
        await IsUsedAsync(image);
    }

    /// <summary>Pulls a new image, which is tracked once a container uses it, and tags a tracked one.</summary>
    private async Task ComeAgainAsync(int round)
    {
        _images.Add(_docker.PullImage($"new-{round}:1"));
        if (_docker.ImageIds.Intersect(_lastUsed.Keys).FirstOrDefault() is not { } tracked)
            return;
        _docker.TagImage(tracked, "again", $"{round}");
        await IsUsedAsync(tracked);
    }

    private async Task RestartEngineAsync()
    {
        var (watched, broken) = (Watched, Broken);
        await UntilAsync(() =>
        {
            _docker.EndStreams(); // Again, because the host may be between two streams.
            return Broken > broken;
        });
        var image = AnyImage();
        var container = _docker.AddContainer(image);
        await UntilAsync(() => Watched > watched, _time, TimeSpan.FromSeconds(1));
        await UntilAsync(() => Store.Find(image)?.LastUsedAt > _time.GetUtcNow() - TimeSpan.FromMinutes(10));
        _docker.RemoveContainer(container);
        await IsUsedAsync(image);
    }

    private int Broken => _log.Messages(LogLevel.Warning)
        .Count(message => message.StartsWith("Could not watch", StringComparison.Ordinal));

    private int Watched => _log.Messages(LogLevel.Information)
        .Count(message => message.StartsWith("Watching", StringComparison.Ordinal));

    private string AnyImage()
    {
        var there = _docker.ImageIds.Intersect(_images).ToList();
        return there[_random.Next(there.Count)];
    }

    private async Task IsUsedAsync(string image)
    {
        _lastUsed[image] = _time.GetUtcNow();
        await UntilAsync(() => Store.Find(image)?.LastUsedAt == _time.GetUtcNow());
    }

    private async Task CollectAsync()
    {
        var result = await _host!.Services.GetRequiredService<IImageGarbageCollector>().RunAsync(Cancel);
        Assert.All(result.Removed, image => Assert.DoesNotContain(image.ImageId, _docker.ImageIds));
    }

    private void CheckRemoval(string request)
    {
        var image = request.Split('/')[^1];
        if (request.StartsWith("DELETE", StringComparison.Ordinal) && _lastUsed.TryGetValue(image, out var used)
            && !_docker.ImageIds.Contains(image) && _time.GetUtcNow() - used < Threshold)
            _wrong.Add($"{image} was used at {used:u} and removed at {_time.GetUtcNow():u}");
    }

    private async Task StartAsync()
    {
        _log = new RecordingLog();
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
        await _host.StartAsync(Cancel);
        await UntilAsync(() => Watched > 0);
    }

    private async Task StopAsync()
    {
        await _host!.StopAsync(Cancel);
        _host.Dispose();
    }

    public void Dispose()
    {
        _host?.Dispose();
        _docker.Dispose();
        _directory.Delete(recursive: true);
    }
}
