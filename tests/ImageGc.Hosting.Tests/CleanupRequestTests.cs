using ImageGc.Sqlite;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace ImageGc.Hosting.Tests;

/// <summary>Requests of other programs that the host clean up now.</summary>
public sealed class CleanupRequestTests : HostTest
{
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);

    [Fact]
    public async Task The_host_cleans_up_and_answers()
    {
        using var host = await StartAsync();
        using var other = OpenOther();

        Assert.Equal(new CleanupResult(Failure: null), await AskAsync(other));
        Assert.Equal(new CleanupResult(Failure: null), await AskAsync(other));

        Assert.Contains("Cleaning up now on request", Log.Messages(LogLevel.Information));
        Assert.Equal([PruneKind.Manual, PruneKind.Manual], StoreOf(host).ListPrunes().Select(run => run.Kind));
    }

    [Fact]
    public async Task The_cleanup_begins_within_seconds()
    {
        using var host = await StartAsync();
        using var other = OpenOther();
        var answer = CleanupRequest.SendAsync(other, Time, Cancel);
        await Time.WaitForTimersAsync(2).WaitAsync(TimeSpan.FromSeconds(30), Cancel);

        Time.Pass(TimeSpan.FromSeconds(5));

        await UntilAsync(() => StoreOf(host).ListPrunes().Count == 1);
        await UntilAsync(() =>
        {
            Time.Pass(TimeSpan.FromSeconds(1));
            return answer.IsCompleted;
        });
    }

    [Fact]
    public async Task A_failed_cleanup_is_answered_and_the_next_request_does_not_wait_for_its_retry()
    {
        using var host = await StartAsync();
        using var other = OpenOther();
        Engine.Failure = new EngineUnavailableException("The engine is away.");
        Assert.Equal(new CleanupResult("The engine is away."), await AskAsync(other));
        // The retry is planned, and no longer the cleanup at midnight.
        await UntilAsync(() => HostStatus.ReadFrom(other)?.NextRunAt < Time.GetUtcNow() + TimeSpan.FromMinutes(16));

        Engine.Failure = null;
        var askedAt = Time.GetUtcNow();
        Assert.Equal(new CleanupResult(Failure: null), await AskAsync(other));
        Assert.InRange(Time.GetUtcNow() - askedAt, TimeSpan.Zero, Minute);
        Assert.Single(StoreOf(host).ListPrunes());
    }

    [Fact]
    public async Task A_request_during_a_cleanup_is_served_by_the_next_cleanup()
    {
        using var store = OpenOther();
        store.LockPrunes();
        var requests = new CleanupRequests(() => store);
        requests.Open();
        Assert.Null(requests.Next());
        var first = CleanupRequest.SendAsync(store, Time, Cancel);
        var served = requests.Next()!;
        var second = CleanupRequest.SendAsync(store, Time, Cancel);

        requests.Answer(served, failure: null);

        var next = requests.Next()!;
        Assert.NotEqual(served, next);
        requests.Answer(next, "It failed.");
        Time.Pass(Minute);
        Assert.Equal([new CleanupResult("It failed."), new CleanupResult("It failed.")], [await first, await second]);
    }

    [Fact]
    public async Task An_answer_that_a_full_disk_does_not_take_is_sent_later_without_another_cleanup()
    {
        using var store = OpenOther();
        store.LockPrunes();
        var isFull = false;
        var requests = new CleanupRequests(() => isFull
            ? throw new ImageUseStoreException(StoreErrorReason.Full, store.DatabasePath, "It is full.")
            : store);
        requests.Open();
        var asked = CleanupRequest.SendAsync(store, Time, Cancel);
        var served = requests.Next()!;
        isFull = true;
        requests.Answer(served, failure: null);
        isFull = false;

        Assert.Null(requests.Next());

        Time.Pass(Minute);
        Assert.Equal(new CleanupResult(Failure: null), await asked);
    }

    [Fact]
    public async Task Without_a_host_a_request_has_no_answer_and_a_host_that_starts_later_does_not_serve_it()
    {
        using (var other = OpenOther())
            Assert.Null(await CleanupRequest.SendAsync(other, cancellationToken: Cancel));

        using var host = await StartAsync();
        await LiveAsync(10 * Minute);

        Assert.Empty(StoreOf(host).ListPrunes());
    }

    [Fact]
    public async Task A_disabled_host_does_not_answer_requests()
    {
        using var host = await StartAsync(("Enabled", "false"));
        using var other = OpenOther();

        Assert.Null(await CleanupRequest.SendAsync(other, cancellationToken: Cancel));
    }

    private async Task<CleanupResult?> AskAsync(ImageUseStore other)
    {
        var answer = CleanupRequest.SendAsync(other, Time, Cancel);
        await EndAsync(answer, Time, TimeSpan.FromSeconds(5), timers: 2); // One of the host, one of the request.
        return await answer;
    }

    private async Task<IHost> StartAsync(params (string Name, string Value)[] settings)
    {
        var host = Build(settings);
        await host.StartAsync(Cancel);
        await UntilAsync(() => HostStatus.ReadFrom(StoreOf(host)) is not null);
        return host;
    }

    private ImageUseStore OpenOther() =>
        ImageUseStore.Open(new ImageUseStoreOptions { DatabasePath = PathOf("image_use.db") }, Time);
}
