namespace ImageGc.Benchmarks;

/// <summary>A clock that the benchmark moves, since a second record in the same second would change nothing.</summary>
/// <remarks>Wall clock and timestamp move together: to the store anything else is somebody setting the clock.</remarks>
internal sealed class BenchmarkTime : TimeProvider
{
    public static readonly DateTimeOffset Start = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    private long _seconds;

    public override long TimestampFrequency => 1;

    public long Now => Start.ToUnixTimeSeconds() + _seconds;

    public override DateTimeOffset GetUtcNow() => Start.AddSeconds(_seconds);

    public override long GetTimestamp() => _seconds;

    public void PassSecond() => _seconds++;
}
