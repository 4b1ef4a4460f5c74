using ImageGc.Sqlite;

namespace ImageGc.Benchmarks;

/// <summary>A clock that the benchmark moves, in one boot that the templates know already.</summary>
internal sealed class BenchmarkTime : DeviceClock
{
    public static readonly DateTimeOffset Start = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    private static readonly long SinceBootAtStart = (long)TimeSpan.FromDays(1).TotalMilliseconds;

    private long _seconds;

    public override string? KernelBootId => "benchmark";

    public override string BootId => "benchmark -";

    public long Now => Start.ToUnixTimeSeconds() + _seconds;

    public override (long SinceBoot, long Wall) Read() => (SinceBootAtStart + _seconds * 1000, Now * 1000);

    public void PassSecond() => _seconds++;
}
