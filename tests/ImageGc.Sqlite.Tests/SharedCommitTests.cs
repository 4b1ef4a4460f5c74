using System.Buffers.Binary;

namespace ImageGc.Sqlite.Tests;

/// <summary>Threads that record at the same time share a commit, and each gets the result of its own use.</summary>
public sealed class SharedCommitTests : StoreTest
{
    private readonly HeldTime _time = new();

    [Fact]
    public void Threads_that_wait_for_the_database_at_the_same_time_share_one_commit()
    {
        // With Full, SQLite pads a commit to a whole sector, with frames that look like commits.
        var store = Open(options => options.Durability = Durability.Normal, _time);
        store.RecordUse(Id(0));
        var before = Commits();
        _time.Hold.Reset();
        var threads = Enumerable.Range(1, 8).Select(number => Start(() => store.RecordUse(Id(number)))).ToList();

        _time.Hold.Set();
        threads.ForEach(End);

        Assert.Equal(9, store.Count());
        Assert.Equal(before + 2, Commits()); // The first thread has its own. The seven that wait share the next one.
    }

    [Fact]
    public void Threads_that_share_a_failed_commit_all_throw_and_none_of_their_uses_is_stored()
    {
        var store = Open(time: _time);
        Sqlite.Execute(DatabasePath, $"""
            CREATE TRIGGER refuse BEFORE INSERT ON image_use
            WHEN new.image_id = '{Id(3)}'
            BEGIN SELECT RAISE(ABORT, 'refused'); END
            """);
        _time.Hold.Reset();
        var failures = new Exception?[4];
        var threads = Enumerable.Range(0, 4).Select(number =>
            Start(() => failures[number] = Record.Exception(() => store.RecordUse(Id(number))))).ToList();

        _time.Hold.Set();
        threads.ForEach(End);

        Assert.Null(failures[0]); // It had its own commit, before the others came.
        Assert.All(failures.Skip(1), failure => Assert.IsType<ImageUseStoreException>(failure));
        Assert.Equal(Id(0), Assert.Single(store.List()).ImageId);
        // Each thread has its own exception, because throwing one writes the stack of the thread into it.
        Assert.NotSame(failures[1], failures[2]);
        Assert.NotSame(failures[1], failures[3]);
        Assert.NotSame(failures[2], failures[3]);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void A_thread_that_is_interrupted_while_it_waits_fails_alone_and_the_others_record(int interrupted)
    {
        var store = Open(time: _time);
        _time.Hold.Reset();
        var pruning = Start(() => store.Prune([]));
        var failures = new Exception?[4];
        var threads = Enumerable.Range(1, 3).Select(number =>
            Start(() => failures[number] = Record.Exception(() => store.RecordUse(Id(number))))).ToList();

        threads[interrupted - 1].Interrupt();
        End(threads[interrupted - 1]);
        _time.Hold.Set();
        threads.ForEach(End);
        End(pruning);

        int[] others = [.. Enumerable.Range(1, 3).Where(number => number != interrupted)];
        Assert.IsType<ThreadInterruptedException>(failures[interrupted]);
        Assert.All(others, other => Assert.Null(failures[other]));
        Assert.All(others, other => Assert.NotNull(store.Find(Id(other))));
        store.RecordUse(Id(4));
        Assert.Null(store.Find(Id(interrupted))); // The next record does not store it either.
    }

    [Fact]
    public void What_a_thread_that_is_interrupted_had_taken_over_from_another_one_is_recorded_all_the_same()
    {
        var time = new CountedTime();
        var store = Open(time: time);
        store.RecordUse(Id(0));
        time.Allow(0);
        var failures = new Exception?[4];
        var threads = Enumerable.Range(1, 3).Select(number =>
            Start(() => failures[number] = Record.Exception(() => store.RecordUse(Id(number))))).ToList();
        time.Allow(1);
        // The first one has recorded, and one of the others records both.
        Wait.Until(() => time.Asked == 2, "a second thread asks for the time");
        var interrupted = threads.IndexOf(time.Reader!) + 1;

        time.Reader!.Interrupt();
        End(time.Reader);
        time.Allow(100);
        threads.ForEach(End);

        Assert.IsType<ThreadInterruptedException>(failures[interrupted]);
        Assert.Null(failures[5 - interrupted]);
        Assert.NotNull(store.Find(Id(5 - interrupted)));
    }

    private static Thread Start(Action action) => HeldTime.StartUntilItWaits(action);

    private static void End(Thread thread) => Wait.For(thread, "a thread that used the store ends");

    /// <summary>The commits in the log (https://www.sqlite.org/fileformat2.html, 4.1).</summary>
    private int Commits()
    {
        using var file = new FileStream(
            $"{DatabasePath}-wal", FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        var log = new byte[file.Length];
        file.ReadExactly(log);
        var pageSize = BinaryPrimitives.ReadInt32BigEndian(log.AsSpan(8));
        var commits = 0;
        for (var frame = 32; frame < log.Length; frame += 24 + pageSize)
            commits += BinaryPrimitives.ReadInt32BigEndian(log.AsSpan(frame + 4)) == 0 ? 0 : 1;
        return commits;
    }

    /// <summary>A clock that can be read as often as is allowed; one more reader waits.</summary>
    private sealed class CountedTime : TimeProvider
    {
        private int _asked;

        private SemaphoreSlim Allowed { get; } = new(100);

        /// <summary>Who asked last.</summary>
        public Thread? Reader { get; private set; }

        /// <summary>How often it was asked since nothing was allowed.</summary>
        public int Asked => Volatile.Read(ref _asked);

        public void Allow(int times)
        {
            if (times > 0)
            {
                Allowed.Release(times);
                return;
            }

            while (Allowed.Wait(0))
                _asked = 0;
        }

        public override DateTimeOffset GetUtcNow()
        {
            Reader = Thread.CurrentThread;
            Interlocked.Increment(ref _asked);
            Allowed.Wait();
            return SteppingTime.Start;
        }

        public override long GetTimestamp() => 0;
    }
}
