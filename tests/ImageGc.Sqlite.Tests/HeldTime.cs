namespace ImageGc.Sqlite.Tests;

/// <summary>A clock that blocks each reader, and with it the database, until <see cref="Hold"/> is set.</summary>
internal sealed class HeldTime : TimeProvider
{
    public ManualResetEventSlim Hold { get; } = new(initialState: true);

    public override DateTimeOffset GetUtcNow()
    {
        Wait.For(Hold, "the test lets the clock go on");
        return SteppingTime.Start;
    }

    public override long GetTimestamp() => 0;

    /// <summary>Starts a thread, and returns when it waits for the clock, the database or another thread.</summary>
    public static Thread StartUntilItWaits(Action action)
    {
        var thread = new Thread(() => action()) { IsBackground = true };
        thread.Start();
        Wait.Until(() => thread.ThreadState.HasFlag(ThreadState.WaitSleepJoin),
            "the thread waits for the clock, the database or another thread");
        return thread;
    }
}
