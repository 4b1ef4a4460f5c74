namespace ImageGc.Sqlite;

/// <summary>The wall clock, which can be set at any time, and the time since boot.</summary>
internal abstract class DeviceClock
{
    /// <summary>
    /// The kernel's boot ID, which all its time namespaces share; null if the boot is the life of this store.
    /// </summary>
    public abstract string? KernelBootId { get; }

    /// <summary>Identifies the boot and its clock: processes that read the same clock have the same ID.</summary>
    public abstract string BootId { get; }

    /// <summary>
    /// Whether the time since boot began when the kernel did. It did not if the boot is the life of this store, nor in
    /// a time namespace, which adds an offset (https://man7.org/linux/man-pages/man7/time_namespaces.7.html).
    /// </summary>
    public virtual bool CountsFromBoot => KernelBootId is not null;

    /// <summary>Reads both clocks at the same moment, in milliseconds; the wall clock in Unix time.</summary>
    public abstract (long SinceBoot, long Wall) Read();

    /// <summary>
    /// Reads two clocks, and repeats that if the thread paused in between: the pause would look as if the wall clock
    /// had been set.
    /// </summary>
    protected static (long SinceBoot, long Wall) Read(Func<long> sinceBoot, TimeProvider wallClock)
    {
        const int mostPause = 10, mostTries = 10;
        for (var tries = 1; ; tries++)
        {
            var before = sinceBoot();
            var wall = wallClock.GetUtcNow().ToUnixTimeMilliseconds();
            var after = sinceBoot();
            if (after - before <= mostPause || tries == mostTries)
                return (after, wall);
        }
    }
}
