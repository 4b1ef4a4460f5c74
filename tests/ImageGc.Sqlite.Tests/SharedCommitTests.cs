namespace ImageGc.Sqlite.Tests;

public sealed class SharedCommitTests
{
    private const int Callers = 8;

    [Fact]
    public async Task Threads_that_wait_at_the_same_time_share_one_commit()
    {
        var commits = new List<int>();
        var uses = new SharedCommit(batch =>
        {
            SpinWait.SpinUntil(() => batch.ImageIds.Count == Callers);
            commits.Add(batch.Close().Count);
        });

        await Task.WhenAll(RecordAtOnce(uses));

        Assert.Equal([Callers], commits);
    }

    [Fact]
    public async Task A_commit_that_fails_fails_for_everybody_who_shared_it_and_the_next_one_works()
    {
        var fails = true;
        var uses = new SharedCommit(batch =>
        {
            if (fails)
            {
                SpinWait.SpinUntil(() => batch.ImageIds.Count == Callers);
                throw new IOException("full");
            }

            batch.Close();
        });

        foreach (var recorded in RecordAtOnce(uses).ToList())
            Assert.Equal("full", (await Assert.ThrowsAsync<IOException>(() => recorded)).Message);
        fails = false;
        uses.Commit("a");
    }

    [Fact]
    public void A_use_that_comes_after_the_batch_was_closed_is_in_a_commit_of_its_own()
    {
        var commits = new List<string>();
        SharedCommit? uses = null;
        uses = new SharedCommit(batch =>
        {
            commits.Add(string.Join(' ', batch.Close()));
            if (commits.Count == 1)
                uses!.Commit("second");
        });

        uses.Commit("first");

        Assert.Equal(["first", "second"], commits);
    }

    private static IEnumerable<Task> RecordAtOnce(SharedCommit uses) => Enumerable.Range(0, Callers).Select(caller =>
        Task.Factory.StartNew(
            () => uses.Commit($"{caller}"), CancellationToken.None, TaskCreationOptions.LongRunning,
                TaskScheduler.Default));

    [Fact]
    public void A_commit_that_nobody_joins_allocates_nothing()
    {
        var uses = new SharedCommit(static batch => batch.Close());
        uses.Commit("a");
        var before = GC.GetAllocatedBytesForCurrentThread();

        for (var i = 0; i < 1000; i++)
            uses.Commit("a");

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1000);
    }

    [Fact]
    public async Task A_batch_that_its_commit_left_open_is_closed_all_the_same()
    {
        var commits = new List<string>();
        var uses = new SharedCommit(batch => commits.Add(string.Join(' ', batch.ImageIds)));

        uses.Commit("first");
        await Task.Run(() => uses.Commit("second"), TestContext.Current.CancellationToken)
            .WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);

        Assert.Equal(["first", "second"], commits);
    }
}
