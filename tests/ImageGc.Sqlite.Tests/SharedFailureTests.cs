namespace ImageGc.Sqlite.Tests;

/// <summary>Threads that share a commit share what becomes of it.</summary>
public sealed class SharedFailureTests : StoreTest
{
    [Fact]
    public void Threads_that_share_a_commit_that_fails_all_learn_it_and_none_of_their_uses_is_stored()
    {
        var time = new HeldTime();
        var store = Open(time: time);
        Sqlite.Execute(DatabasePath, $"""
            CREATE TRIGGER refuse BEFORE INSERT ON image_use
            WHEN new.image_id = '{Id(3)}'
            BEGIN SELECT RAISE(ABORT, 'refused'); END
            """);
        time.Hold.Reset();
        var failures = new Exception?[4];
        var threads = Enumerable.Range(1, 3).Select(number =>
        {
            var thread = new Thread(() => failures[number] = Record.Exception(() => store.RecordUse(Id(number))));
            thread.Start();
            // The first one holds the database, and the others wait for it.
            SpinWait.SpinUntil(() => thread.ThreadState.HasFlag(ThreadState.WaitSleepJoin));
            return thread;
        }).ToList();

        time.Hold.Set();
        threads.ForEach(thread => thread.Join());

        Assert.All(failures.Skip(1), failure => Assert.IsType<ImageUseStoreException>(failure));
        Assert.Empty(store.List());
    }

    private sealed class HeldTime : TimeProvider
    {
        public ManualResetEventSlim Hold { get; } = new(initialState: true);

        public override DateTimeOffset GetUtcNow()
        {
            Hold.Wait();
            return SteppingTime.Start;
        }

        public override long GetTimestamp() => 0;
    }
}
