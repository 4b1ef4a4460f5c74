namespace ImageGc.Sqlite;

/// <summary>
/// The clock that a host gave: the life of the store is a boot of its own, and the timestamp its time since boot.
/// </summary>
internal sealed class ProviderClock(TimeProvider time) : DeviceClock
{
    private readonly long _opened = time.GetTimestamp();

    public override string? KernelBootId => null;

    public override string BootId { get; } = $"store {Guid.NewGuid():N}";

    public override (long SinceBoot, long Wall) Read() =>
        Read(() => (long)time.GetElapsedTime(_opened).TotalMilliseconds, time);
}
