using System.Net;
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
                new("EngineTimeout", "2s"),
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
    public async Task Unused_images_are_removed_and_images_that_a_container_runs_or_mounts_stay()
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
        await UntilAsync(() => Store.Find(after) is not null, _time, TimeSpan.FromSeconds(1));

        await _host.StopAsync(Cancel);
    }

    [Fact]
    public async Task Uses_are_recorded_after_the_clock_was_set_back_while_the_host_watches()
    {
        var (staged, job) = (_docker.AddImage("staged:1"), _docker.AddImage("job:1"));
        RecordInTurn(staged);
        await WatchAsync();

        _docker.ClockOffset = TimeSpan.FromMinutes(-1);
        _docker.TagImage(staged, "staged", "2");
        _docker.RemoveContainer(_docker.AddContainer("job:1"));

        await UntilAsync(() => Store.Find(job) is not null);
        Assert.Equal(_time.GetUtcNow(), Store.Find(staged)?.LastUsedAt);
        await _host.StopAsync(Cancel);
    }

    /// <remarks>Docker itself would delete it by its ID without an error.</remarks>
    [Fact]
    public async Task An_image_that_a_container_mounts_during_the_run_stays()
    {
        var (agent, first, mounted) = (_docker.AddImage("agent:1"), _docker.AddImage("a:1"), _docker.AddImage("b:1"));
        RecordInTurn(first, mounted);
        _docker.After = request =>
        {
            if (request == $"DELETE /images/{first}")
                _docker.AddContainer("agent:1", running: true, "b:1");
        };

        var result = await Collector.RunAsync(Cancel);

        Assert.Equal([first], result.Removed.Select(image => image.ImageId));
        Assert.Equal([mounted], result.UsedMeanwhile.Select(image => image.ImageId));
        Assert.Equal(new[] { agent, mounted }.Order(), _docker.ImageIds.Order());
    }

    [Theory]
    [InlineData("GET /images/{0}/json", false)]
    [InlineData("DELETE /images/{0}", true)]
    public async Task An_image_that_hangs_or_does_not_parse_fails_alone_and_is_removed_later(string asked, bool hangs)
    {
        var (bad, good) = (_docker.AddImage("a:1", "b:1"), _docker.AddImage("c:1"));
        RecordInTurn(bad, good);
        _docker.Before = request => request != string.Format(null, asked, bad) ? null
            : hangs ? _docker.Hang() : new FakeAnswer(HttpStatusCode.OK, new { Id = 5 });

        var result = await Collector.RunAsync(Cancel);

        Assert.Equal([good], result.Removed.Select(image => image.ImageId));
        var failure = Assert.Single(result.Failed);
        var why = failure.Exception.Message;
        Assert.Contains(hangs ? "did not remove" : "is not valid", why, StringComparison.Ordinal);
        Assert.Equal(
            [$"Could not remove {bad} (a:1, b:1): {why} It stays tracked, and the next prune tries it last"],
            _log.Messages(LogLevel.Warning));
        _docker.Before = _ => null;
        Assert.Equal([bad], (await Collector.RunAsync(Cancel)).Removed.Select(image => image.ImageId));
    }

    [Fact]
    public async Task Containers_and_tags_between_two_runs_count_as_uses_of_their_images()
    {
        var (job, staged, first) = (_docker.AddImage("job:1"), _docker.AddImage("staged:1"), _docker.AddImage("a:1"));
        _docker.AddContainer("a:1");
        await Collector.RunAsync(Cancel);
        RecordInTurn(job, staged);

        _docker.RemoveContainer(_docker.AddContainer("job:1"));
        _docker.TagImage(staged, "staged", "2");
        var result = await Collector.RunAsync(Cancel);

        Assert.Empty(result.Removed);
        Assert.Equal(new[] { job, staged, first }.Order(), _docker.ImageIds.Order());
        Assert.Equal(_time.GetUtcNow(), Store.Find(job)?.LastUsedAt);
        Assert.Equal(_time.GetUtcNow(), Store.Find(staged)?.LastUsedAt);
    }

    [Fact]
    public async Task Restoring_a_name_after_a_failed_removal_is_not_a_use_but_the_same_tag_by_another_program_is()
    {
        var (bad, later) = (_docker.AddImage("a:1"), _docker.AddImage("later:1"));
        Store.RecordUse(bad);
        var used = Store.Find(bad)!.Value.LastUsedAt;
        _time.Pass(TimeSpan.FromDays(8));
        await WatchAsync();
        _docker.Before = request => request == $"DELETE /images/{bad}" ? RefuseWithoutNames(bad) : null;

        Assert.Single((await Collector.RunAsync(Cancel)).Failed);
        _docker.AddContainer("later:1");
        await UntilAsync(() => Store.Find(later) is not null); // Its event comes after that of the tag.
        Assert.Equal(used, Store.Find(bad)?.LastUsedAt);
        Assert.Equal([bad], Store.ListFailedRemovals().Select(failed => failed.ImageId));

        _docker.TagImage(bad, "a", "1");
        await UntilAsync(() => Store.Find(bad)?.LastUsedAt == _time.GetUtcNow());
        await _host.StopAsync(Cancel);
    }

    [Fact]
    public async Task Events_that_hang_end_a_run_and_are_reported_by_a_host_that_watches()
    {
        _docker.Before = request => request == "GET /events" ? _docker.Hang() : null;
        var why = $"The engine at {_docker.Address} did not report its events within 2s.";

        var late = await Assert.ThrowsAsync<TimeoutException>(() => ResultAsync(Collector.RunAsync(Cancel)));
        await _host.StartAsync(Cancel);
        await UntilAsync(() => _log.Messages(LogLevel.Warning).Count > 0);
        await _host.StopAsync(Cancel);

        Assert.StartsWith(why, late.Message, StringComparison.Ordinal);
        Assert.StartsWith(
            $"Could not watch the engine: {why}", _log.Messages(LogLevel.Warning)[0], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Another_image_store_loses_no_row_and_the_first_one_is_cleaned_up_again()
    {
        var image = _docker.AddImage("a:1");
        Store.RecordUse(image);
        await Collector.RunAsync(Cancel);

        _docker.Driver = "overlay2";
        for (var day = 0; day < 9; day++)
        {
            _time.Pass(TimeSpan.FromDays(1));
            await Assert.ThrowsAsync<EngineChangedException>(() => Collector.RunAsync(Cancel));
        }

        _docker.Driver = "overlayfs";
        Assert.Equal([image], (await Collector.RunAsync(Cancel)).Removed.Select(one => one.ImageId));
    }

    /// <summary>Starts the host, and returns when the engine sends it new events.</summary>
    private async Task WatchAsync()
    {
        var streams = 0;
        _docker.After = request => streams += request == "GET /events" ? 1 : 0;
        await _host.StartAsync(Cancel);
        await UntilAsync(() => streams == 2, "the host follows new events");
    }

    private FakeAnswer RefuseWithoutNames(string image)
    {
        _docker.TakeNames(image);
        return FakeDocker29.Refuse(HttpStatusCode.InternalServerError, "write /var/lib/docker: input/output error");
    }

    private void RecordInTurn(params string[] images)
    {
        foreach (var image in images)
        {
            Store.RecordUse(image);
            _time.Pass(TimeSpan.FromMinutes(1));
        }

        _time.Pass(TimeSpan.FromDays(8));
    }

    public void Dispose()
    {
        _host.Dispose();
        _docker.Dispose();
        _directory.Delete(recursive: true);
    }
}
