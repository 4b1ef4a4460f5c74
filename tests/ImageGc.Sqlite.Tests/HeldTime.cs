namespace ImageGc.Sqlite.Tests;

/// <summary>A clock that keeps whoever reads it, and with them the database, until the test lets go.</summary>
internal sealed class HeldTime : TimeProvider
{
    public ManualResetEventSlim Hold { get; } = new(initialState: true);

    public override DateTimeOffset GetUtcNow()
    {
        Hold.Wait();
        return SteppingTime.Start;
    }

    public override long GetTimestamp() => 0;

    /// <summary>Starts a thread, and returns when it waits: for the clock, the database or another thread.</summary>
    public static Thread StartUntilItWaits(Action action)
    {
        var thread = new Thread(() => action());
        thread.Start();
        SpinWait.SpinUntil(() => thread.ThreadState.HasFlag(ThreadState.WaitSleepJoin));
        return thread;
    }
}
