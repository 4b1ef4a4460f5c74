using ImageGc.Sqlite;

namespace ImageGc.Benchmarks.Parts;

/// <summary>The clock of many writers. No two of them record in the same second.</summary>
/// <remarks>Their processes share one boot, as they would on a device.</remarks>
internal sealed class WritersTime : DeviceClock
{
    private const long SecondsOfProcess = 20_000_000;

    [ThreadStatic]
    private static long Seconds;

    private long _latest;

    public WritersTime(int process) => Seconds = _latest = process * SecondsOfProcess;

    public override string? KernelBootId => "writers";

    public override string BootId => "writers -";

    public override (long SinceBoot, long Wall) Read() =>
        (Seconds * 1000, BenchmarkTime.Start.AddSeconds(Seconds).ToUnixTimeMilliseconds());

    public void PassSecond() => Seconds = Interlocked.Increment(ref _latest);
}
