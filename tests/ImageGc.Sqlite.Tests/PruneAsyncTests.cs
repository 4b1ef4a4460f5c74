namespace ImageGc.Sqlite.Tests;

public sealed class PruneAsyncTests : StoreTest
{
    private static readonly Func<ImageUse, CancellationToken, Task> Succeed = (_, _) => Task.CompletedTask;
    private readonly CancellationToken _cancel = TestContext.Current.CancellationToken;

    [Fact]
    public async Task PruneAsync_decides_as_Prune_does_and_forgets_what_was_removed()
    {
        var store = Open();
        store.RecordUse([Id(1), Id(2), Id(3)]);
        Time.Pass(Week);
        store.RecordUse(Id(3));
        var asked = new List<ImageUse>();

        var result = await store.PruneAsync([Id(2), Id(9)], (image, _) =>
        {
            asked.Add(image);
            return Task.CompletedTask;
        }, _cancel);

        Assert.Equal([new ImageUse(Id(1), SteppingTime.Start)], asked);
        Assert.Equal(asked, result.Removed);
        Assert.Empty(result.Failed);
        Assert.Empty(result.UsedMeanwhile);
        Assert.Equal([Id(2), Id(3)], store.List().Select(image => image.ImageId));
    }

    [Fact]
    public async Task An_image_whose_removal_fails_stays_tracked_and_is_offered_again()
    {
        var store = Open();
        store.RecordUse(Enumerable.Range(1, 5).Select(Id));
        Time.Pass(Week);

        var result = await store.PruneAsync([], (image, _) =>
            image.ImageId == Id(2) || image.ImageId == Id(4)
                ? throw new InvalidOperationException("conflict") : Task.CompletedTask, _cancel);

        Assert.Equal([Id(1), Id(3), Id(5)], result.Removed.Select(image => image.ImageId));
        Assert.Equal([(Id(2), "conflict"), (Id(4), "conflict")],
            result.Failed.Select(failure => (failure.Image.ImageId, failure.Exception.Message)));
        Assert.Equal([Id(2), Id(4)], store.List().Select(image => image.ImageId));
        Assert.Equal([Id(2), Id(4)],
            (await store.PruneAsync([], Succeed, _cancel)).Removed.Select(image => image.ImageId));
    }

    [Fact]
    public void An_image_is_offered_again_after_a_kill_between_its_removal_and_forgetting_it()
    {
        using (var store = Open())
            store.RecordUse([Id(1), Id(2)]);
        using (var other = new OtherProcess())
            Assert.Equal($"removing {Id(1)}", other.Ask("prune-and-hang", DatabasePath)); // Disposing kills it.

        Time.Pass(Week);
        Assert.Equal([Id(1), Id(2)], Open().Prune([]).Select(image => image.ImageId));
    }

    [Fact]
    public async Task Cancellation_stops_between_images_and_keeps_what_was_done()
    {
        var store = Open();
        store.RecordUse([Id(1), Id(2)]);
        Time.Pass(Week);
        using var cancel = new CancellationTokenSource();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => store.PruneAsync([], (_, _) =>
        {
            cancel.Cancel();
            return Task.CompletedTask;
        }, cancel.Token));

        Assert.Equal([Id(2)], store.List().Select(image => image.ImageId));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => store.PruneAsync([], Succeed, cancel.Token));
    }

    [Fact]
    public async Task A_removal_that_is_cancelled_stops_the_run_and_the_image_stays()
    {
        var store = Open();
        store.RecordUse([Id(1), Id(2)]);
        Time.Pass(Week);
        using var cancel = new CancellationTokenSource();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => store.PruneAsync([], (_, token) =>
        {
            cancel.Cancel();
            token.ThrowIfCancellationRequested();
            return Task.CompletedTask;
        }, cancel.Token));

        Assert.Equal(2, store.List().Count);
    }

    [Fact]
    public async Task A_removal_that_times_out_by_itself_is_a_failure_and_the_run_goes_on()
    {
        var store = Open();
        store.RecordUse([Id(1), Id(2)]);
        Time.Pass(Week);

        var result = await store.PruneAsync([], (image, _) =>
            image.ImageId == Id(1) ? throw new TaskCanceledException() : Task.CompletedTask, _cancel);

        Assert.Single(result.Failed);
        Assert.Single(result.Removed);
    }

    [Fact]
    public async Task Invalid_arguments_are_refused_before_anything_is_decided()
    {
        var store = Open();

        await Assert.ThrowsAsync<ArgumentNullException>(() => store.PruneAsync(null!, Succeed, _cancel));
        await Assert.ThrowsAsync<ArgumentNullException>(() => store.PruneAsync([], null!, _cancel));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() =>
            store.PruneAsync([], Succeed, TimeSpan.FromTicks(-1), _cancel));
        Assert.Null(store.LastPrune());
    }

    [Fact]
    public async Task Prunes_beside_recording_threads_lose_no_use_and_remove_no_recently_used_image()
    {
        var store = Open(options => options.Durability = Durability.Normal);
        var acknowledged = new long[64];
        using var stop = new CancellationTokenSource();
        var threads = Enumerable.Range(0, 8).Select(thread => Task.Run(() =>
        {
            for (var i = thread; !stop.IsCancellationRequested; i += 8)
            {
                var number = i % acknowledged.Length;
                var now = Time.GetUtcNow().ToUnixTimeSeconds();
                store.RecordUse(Id(number));
                Volatile.Write(ref acknowledged[number], now);
            }
        }, _cancel)).ToList();

        var (decidedAt, removed) = (0L, 0);
        for (var round = 0; round < 1000; round++)
        {
            Time.Pass(Second);
            decidedAt = Time.GetUtcNow().ToUnixTimeSeconds();
            var before = (long[])acknowledged.Clone();
            var result = await store.PruneAsync([Id(0)], (image, _) =>
            {
                var number = Convert.ToInt32(image.ImageId[^8..], 16);
                Assert.NotEqual(0, number);
                Assert.True(image.LastUsedAt.ToUnixTimeSeconds() >= before[number], "A record was lost.");
                Assert.True(decidedAt - before[number] >= 2, "A young image was removed.");
                return Task.CompletedTask;
            }, TimeSpan.FromSeconds(2), _cancel);
            Assert.Empty(result.Failed);
            removed += result.Removed.Count;
        }

        await stop.CancelAsync();
        await Wait.ForAsync(Task.WhenAll(threads), "the recording threads end");
        Assert.All(Enumerable.Range(0, acknowledged.Length).Where(number => decidedAt - acknowledged[number] < 2),
            number =>
            Assert.True(store.Find(Id(number))?.LastUsedAt.ToUnixTimeSeconds() >= acknowledged[number]));
        Assert.Empty(store.Check().Damage);
        Assert.NotEqual(0, removed);
    }

    [Fact]
    public async Task A_run_that_is_cancelled_before_it_begins_decides_nothing()
    {
        var store = Open();
        store.RecordUse(Id(1));
        Time.Pass(Week);

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() =>
            store.PruneAsync([Id(1)], Succeed, new CancellationToken(canceled: true)));

        Assert.Null(store.LastPrune());
        Assert.Equal(SteppingTime.Start, store.Find(Id(1))!.Value.LastUsedAt);
    }

    [Fact]
    public async Task PruneAsync_does_not_continue_on_the_context_of_its_caller()
    {
        var store = Open();
        store.RecordUse(Id(1));
        Time.Pass(Week);
        var removal = new TaskCompletionSource();
        var context = new CountingContext();
        var own = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(context);
        var prune = store.PruneAsync([], (_, _) => removal.Task, _cancel);
        SynchronizationContext.SetSynchronizationContext(own);

        removal.SetResult();

        Assert.Single((await prune).Removed);
        Assert.Equal(0, context.Posts);
    }

    private sealed class CountingContext : SynchronizationContext
    {
        public int Posts { get; private set; }

        public override void Post(SendOrPostCallback callback, object? state)
        {
            Posts++;
            base.Post(callback, state);
        }
    }
}
