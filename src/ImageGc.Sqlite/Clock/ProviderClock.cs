namespace ImageGc.Sqlite;

/// <summary>
/// The clock of a host, or the system's if the kernel's boot ID cannot be read. The life of the store counts as a boot
/// of its own, and the timestamp as its time since boot.
/// </summary>
internal sealed class ProviderClock(TimeProvider time) : DeviceClock
{
    private readonly long _opened = time.GetTimestamp();

    public override string? KernelBootId => null;

    public override string BootId { get; } = $"store {Guid.NewGuid():N}";

    public override (long SinceBoot, long Wall) Read() =>
        Read(() => (long)time.GetElapsedTime(_opened).TotalMilliseconds, time);
}
