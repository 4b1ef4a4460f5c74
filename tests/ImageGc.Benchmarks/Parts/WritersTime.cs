namespace ImageGc.Benchmarks.Parts;

/// <summary>The clock of many writers: none ever stamps with a second that another one used.</summary>
/// <remarks>
/// A thread sees it move only when it moves it itself, or the store would read the wall clock before and the timestamp
/// after another thread's second, and take that for somebody setting the clock.
/// </remarks>
internal sealed class WritersTime : TimeProvider
{
    private const long SecondsOfProcess = 20_000_000;

    [ThreadStatic]
    private static long Seconds;

    private long _latest;

    public WritersTime(int process) => Seconds = _latest = process * SecondsOfProcess;

    public override long TimestampFrequency => 1;

    public override DateTimeOffset GetUtcNow() => BenchmarkTime.Start.AddSeconds(Seconds);

    public override long GetTimestamp() => Seconds;

    public void PassSecond() => Seconds = Interlocked.Increment(ref _latest);
}
