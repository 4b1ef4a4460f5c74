using System.Net;
using ImageGc.Sqlite.Tests;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace ImageGc.Docker.Tests;

/// <summary>Removals of an image with several names, while something else changes them.</summary>
public sealed class RemovalByNamesTests : IDisposable
{
    private const string Old = "sha256:0000000000000000000000000000000000000000000000000000000000000001";
    private const string Pulled = "sha256:0000000000000000000000000000000000000000000000000000000000000002";

    private readonly ScriptedEngine _scripted = new() { Names = { ["a:1"] = Old, ["b:1"] = Old, ["c:1"] = Old } };
    private readonly RecordingLog _log = new();
    private readonly DockerEngine _engine;

    public RemovalByNamesTests() => _engine = new DockerEngine(
        Options.Create(new DockerOptions
        {
            EngineAddress = _scripted.Address,
            EngineTimeout = TimeSpan.FromSeconds(2),
        }),
        new Logger<DockerEngine>(_log));

    [Fact]
    public async Task An_image_with_several_names_is_removed_name_by_name()
    {
        var deleted = new List<string>();
        _scripted.AfterDelete = deleted.Add;

        await RemoveAsync();

        Assert.Empty(_scripted.Names);
        Assert.Equal(["a:1", "b:1", "c:1"], deleted);
    }

    [Fact]
    public async Task A_name_that_was_pulled_again_meanwhile_stays_with_its_new_image()
    {
        _scripted.BeforeDelete = name =>
        {
            if (name == "a:1")
                _scripted.Names["b:1"] = Pulled;
            return null;
        };

        await RemoveAsync();

        Assert.Equal([KeyValuePair.Create("b:1", Pulled)], _scripted.Names);
    }

    [Fact]
    public async Task An_image_that_turns_out_to_be_used_gets_its_names_back_unless_they_were_pulled_again()
    {
        _scripted.BeforeDelete = name =>
        {
            if (name != "c:1")
                return null;
            _scripted.Names["a:1"] = Pulled;
            return HttpStatusCode.Conflict;
        };

        await Assert.ThrowsAsync<DockerRequestFailedException>(RemoveAsync);

        Assert.Equal([("a:1", Pulled), ("b:1", Old), ("c:1", Old)], NamesInOrder);
    }

    [Fact]
    public async Task Names_are_restored_if_a_removal_is_not_answered()
    {
        _scripted.AfterDelete = name =>
        {
            if (name == "b:1")
                _scripted.Hang();
        };

        await Assert.ThrowsAsync<TimeoutException>(RemoveAsync);

        Assert.Equal([("a:1", Old), ("b:1", Old), ("c:1", Old)], NamesInOrder);
    }

    [Fact]
    public async Task Names_are_restored_if_the_host_stops_in_the_middle()
    {
        using var stop = new CancellationTokenSource();
        _scripted.AfterDelete = name => stop.Cancel();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _engine.RemoveImageAsync(Old, stop.Token));

        Assert.Equal([("a:1", Old), ("b:1", Old), ("c:1", Old)], NamesInOrder);
    }

    [Fact]
    public async Task Digests_cannot_be_restored_and_are_logged()
    {
        _scripted.Names["a@sha256:77"] = Old;
        _scripted.BeforeDelete = name => name == "c:1" ? HttpStatusCode.Conflict : null;

        await Assert.ThrowsAsync<DockerRequestFailedException>(RemoveAsync);

        Assert.Equal([("a:1", Old), ("b:1", Old), ("c:1", Old)], NamesInOrder);
        Assert.Contains("may have lost the names a@sha256:77: restore", Assert.Single(_log.Messages(LogLevel.Warning)),
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task Names_that_cannot_be_restored_are_logged_and_the_cause_is_thrown()
    {
        _scripted.BeforeDelete = name => name == "c:1" ? HttpStatusCode.Conflict : null;
        _scripted.OnTag = () => HttpStatusCode.InternalServerError;

        var exception = await Assert.ThrowsAsync<DockerRequestFailedException>(RemoveAsync);

        Assert.Equal(HttpStatusCode.Conflict, exception.Status);
        Assert.Contains("may have lost the names a:1, b:1", Assert.Single(_log.Messages(LogLevel.Warning)),
            StringComparison.Ordinal);
    }

    public void Dispose()
    {
        _engine.Dispose();
        _scripted.Dispose();
    }

    private IEnumerable<(string Name, string ImageId)> NamesInOrder =>
        _scripted.Names.Select(name => (name.Key, name.Value)).Order();

    private Task RemoveAsync() => _engine.RemoveImageAsync(Old, TestContext.Current.CancellationToken);
}
