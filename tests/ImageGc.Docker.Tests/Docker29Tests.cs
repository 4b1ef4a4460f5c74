using System.Net;
using ImageGc.Hosting;
using ImageGc.Sqlite.Tests;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace ImageGc.Docker.Tests;

/// <summary>The engine for Docker with the answers of version 29, which uses the containerd store.</summary>
public sealed class Docker29Tests : IDisposable
{
    private readonly FakeDocker29 _docker = new();
    private readonly RecordingLog _log = new();
    private readonly DockerEngine _engine;

    public Docker29Tests() => _engine = new DockerEngine(
        Options.Create(new DockerOptions { EngineAddress = _docker.Address, EngineTimeout = TimeSpan.FromSeconds(5) }),
        new Logger<DockerEngine>(_log));

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_newest_version_of_the_API_that_both_support_is_used()
    {
        await _engine.ListImagesAsync(Cancel);

        Assert.Equal(["GET /version", "GET /v1.52/images/json"], _docker.Requests);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Names_lost_to_a_removal_on_a_full_disk_are_restored_or_logged(bool isStillFull)
    {
        var image = _docker.AddImage("registry/agent:1");
        await _engine.ListImagesAsync(Cancel);
        _docker.Before = request =>
        {
            var isRemoval = request.StartsWith("DELETE", StringComparison.Ordinal);
            if (isRemoval)
                _docker.TakeNames(image);
            return request.StartsWith("GET", StringComparison.Ordinal) || (!isStillFull && !isRemoval)
                ? null
                : FakeDocker29.Refuse(HttpStatusCode.InternalServerError, "write x: no space left on device");
        };

        var full = await Assert.ThrowsAsync<EngineUnavailableException>(() => _engine.RemoveImageAsync(image, Cancel));

        Assert.StartsWith(
            $"The engine at {_docker.Address} could not remove {image}: its disk is too full even for that",
            full.Message, StringComparison.Ordinal);
        var listed = Assert.Single(await _engine.ListImagesAsync(Cancel));
        Assert.Equal(isStillFull, !listed.Names.Contains("registry/agent:1"));
        Assert.Equal(isStillFull, _log.Messages(LogLevel.Warning).Any(message =>
            message.Contains("may have lost the names registry/agent:1", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Images_without_a_name_and_with_null_for_what_is_unknown_are_listed()
    {
        var named = _docker.AddImage("registry/agent:1", "registry/agent:latest");
        var dangling = _docker.AddImage();

        var images = (await _engine.ListImagesAsync(Cancel)).ToDictionary(image => image.ImageId);

        Assert.Equal(
            ["registry/agent:1", "registry/agent:latest", $"registry/agent@{named}"], images[named].Names);
        Assert.Empty(images[dangling].Names);
        Assert.Equal((1000, null, null),
            (images[dangling].SizeBytes, images[dangling].UniqueBytes, images[dangling].ParentId));
        Assert.True(_engine.IsImageId(dangling));
        Assert.Equal(named, (await _engine.FindImageAsync("registry/agent", Cancel))?.ImageId);
        Assert.Null(await _engine.FindImageAsync("registry/other", Cancel));
    }

    /// <remarks>Docker itself would remove such an image by its ID without an error.</remarks>
    [Fact]
    public async Task An_image_that_is_mounted_into_a_container_is_in_use()
    {
        var agent = _docker.AddImage("agent:1");
        var files = _docker.AddImage("files:1");
        var id = _docker.AddContainer("agent:1", running: false, mounted: "files:1");

        var listed = Assert.Single(await _engine.ListContainersAsync(Cancel));
        var found = await _engine.FindContainerAsync(id, Cancel);

        Assert.Equal([agent, files], listed.ImageIds);
        Assert.Equal([agent, files], found?.ImageIds);
        Assert.Null(await _engine.FindContainerAsync("none", Cancel));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task The_removal_of_an_image_is_refused_for_a_container_in_any_state(bool running)
    {
        var image = _docker.AddImage("agent:1", "other/agent:1");
        _docker.AddContainer("agent:1", running);

        var refused = await Assert.ThrowsAnyAsync<EngineRequestFailedException>(
            () => _engine.RemoveImageAsync(image, Cancel));

        Assert.Contains("image is being used", refused.Message, StringComparison.Ordinal);
        Assert.Equal([image], _docker.ImageIds);
        Assert.Empty(_log.Messages(LogLevel.Warning));
    }

    [Fact]
    public async Task An_image_with_names_in_several_repositories_is_removed_and_a_missing_one_is_no_error()
    {
        var image = _docker.AddImage("agent:1", "agent:2", "other/agent:1");

        await _engine.RemoveImageAsync(image, Cancel);
        await _engine.RemoveImageAsync(image, Cancel);

        Assert.Empty(_docker.ImageIds);
    }

    [Fact]
    public async Task Names_are_restored_if_the_image_turns_out_to_be_needed()
    {
        var image = _docker.AddImage("agent:1", "agent:2");
        _docker.After = request =>
        {
            if (request == "DELETE /images/agent:1")
                _docker.AddContainer("agent:2");
        };

        await Assert.ThrowsAnyAsync<EngineRequestFailedException>(() => _engine.RemoveImageAsync(image, Cancel));

        Assert.Equal(["agent:2", "agent:1"], (await _engine.FindImageAsync(image, Cancel))!.Names.Take(2));
    }

    [Fact]
    public async Task Events_begin_at_the_start_and_resume_after_the_last_one()
    {
        _docker.AddImage("agent:1");
        var seen = new List<EngineEvent>();
        await foreach (var happened in _engine.WatchAsync(null, Cancel))
        {
            seen.Add(happened);
            if (seen.Count == 1)
                _docker.RemoveContainer(_docker.AddContainer("agent:1"));
            if (seen.Count == 3)
                break;
        }

        var missed = _docker.AddContainer("agent:1");
        var resumed = new List<EngineEvent>();
        await foreach (var happened in _engine.WatchAsync(seen[^1].Cursor, Cancel))
        {
            resumed.Add(happened);
            if (resumed.Count == 2)
                break;
        }

        Assert.Equal(
            [EngineEventKind.Started, EngineEventKind.ContainerCreated, EngineEventKind.ContainerRemoved],
            seen.Select(happened => happened.Kind));
        Assert.Equal("agent:1", seen[1].ImageReference);
        Assert.Equal((EngineEventKind.ContainerCreated, missed), (resumed[0].Kind, resumed[0].ContainerId));
        Assert.Equal((EngineEventKind.Started, resumed[0].Time), (resumed[1].Kind, resumed[1].Time));
    }

    [Theory]
    [InlineData(-60)]
    [InlineData(-30 * 24 * 60 * 60)]
    public async Task Events_after_the_clock_was_set_back_are_reported_and_resumed(int seconds)
    {
        _docker.AddImage("agent:1");
        var events = _engine.WatchAsync(null, Cancel).GetAsyncEnumerator(Cancel);
        Assert.True(await events.MoveNextAsync());
        var isFollowed = false;
        _docker.After = request => isFollowed |= request == "GET /events";
        var next = events.MoveNextAsync().AsTask();
        await UntilAsync(() => isFollowed);

        _docker.ClockOffset = TimeSpan.FromSeconds(seconds);
        var seen = _docker.AddContainer("agent:1");
        Assert.True(await ResultAsync(next));
        Assert.Equal(seen, events.Current.ContainerId);
        var missed = _docker.AddContainer("agent:1");

        await using var resumed = _engine.WatchAsync(events.Current.Cursor, Cancel).GetAsyncEnumerator(Cancel);
        Assert.True(await resumed.MoveNextAsync());
        Assert.Equal(missed, resumed.Current.ContainerId);
    }

    [Fact]
    public async Task The_events_end_when_the_engine_ends_their_stream()
    {
        await using var events = _engine.WatchAsync(null, Cancel).GetAsyncEnumerator(Cancel);
        Assert.True(await events.MoveNextAsync());
        var isFollowed = false;
        _docker.After = request => isFollowed |= request == "GET /events";
        var next = events.MoveNextAsync().AsTask();
        await UntilAsync(() => isFollowed);
        _docker.EndStreams();

        Assert.False(await ResultAsync(next));
    }

    [Fact]
    public async Task Events_of_an_engine_that_cannot_be_reached_are_an_error()
    {
        _docker.Dispose();

        await Assert.ThrowsAsync<EngineUnavailableException>(
            async () => await _engine.WatchAsync(null, Cancel).GetAsyncEnumerator(Cancel).MoveNextAsync());
    }

    [Fact]
    public async Task The_identity_changes_with_the_store_and_with_nothing_else()
    {
        var before = await _engine.IdentifyAsync(Cancel);
        _docker.AddImage("agent:1");

        Assert.Equal(before, await _engine.IdentifyAsync(Cancel));
        _docker.Driver = "overlay2";
        Assert.NotEqual(before, await _engine.IdentifyAsync(Cancel));
    }

    [Fact]
    public async Task A_request_that_hangs_times_out_and_the_others_are_answered()
    {
        var image = _docker.AddImage("agent:1");
        _docker.Before = request => request.StartsWith("DELETE", StringComparison.Ordinal) ? _docker.Hang() : null;
        using var impatient = Impatient(TimeSpan.FromMilliseconds(300));

        await Assert.ThrowsAsync<TimeoutException>(() => impatient.RemoveImageAsync(image, Cancel));

        Assert.Single(await _engine.ListImagesAsync(Cancel));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("1")]
    public async Task Events_that_hang_time_out(string? cursor)
    {
        _docker.Before = request => request == "GET /events" ? _docker.Hang() : null;
        using var impatient = Impatient(TimeSpan.FromSeconds(2));
        var events = impatient.WatchAsync(cursor, Cancel).GetAsyncEnumerator(Cancel);

        var late = await Assert.ThrowsAsync<TimeoutException>(() => ResultAsync(events.MoveNextAsync().AsTask()));

        Assert.StartsWith(
            $"The engine at {_docker.Address} did not report its events within 2s.", late.Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_API_version_that_the_engine_no_longer_serves_is_an_error()
    {
        _docker.Before = request => request.StartsWith("GET /images", StringComparison.Ordinal)
            ? FakeDocker29.Refuse(HttpStatusCode.BadRequest, "client version 1.52 is too old.")
            : null;

        var refused = await Assert.ThrowsAnyAsync<EngineRequestFailedException>(() => _engine.ListImagesAsync(Cancel));

        Assert.Contains("is too old", refused.Message, StringComparison.Ordinal);
    }

    private DockerEngine Impatient(TimeSpan timeout) => new(
        Options.Create(new DockerOptions
        {
            EngineAddress = _docker.Address,
            EngineTimeout = timeout,
        }),
        new Logger<DockerEngine>(_log));

    public void Dispose()
    {
        _engine.Dispose();
        _docker.Dispose();
    }
}
