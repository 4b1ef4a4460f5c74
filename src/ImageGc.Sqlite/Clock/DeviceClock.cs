namespace ImageGc.Sqlite;

/// <summary>The wall clock, which can be set at any time, and the time since boot.</summary>
internal abstract class DeviceClock
{
    /// <summary>
    /// The kernel's ID of its boot, which all its time namespaces share; null where only this store knows its boot.
    /// </summary>
    public abstract string? KernelBootId { get; }

    /// <summary>Names the boot: other processes that read the same clock have the same name for it.</summary>
    public abstract string BootId { get; }

    /// <summary>
    /// Whether its time since boot began when the kernel did: not where only this store knows its boot, nor in a time
    /// namespace, which moves it by any offset.
    /// </summary>
    public virtual bool CountsFromBoot => KernelBootId is not null;

    /// <summary>Both clocks at the same moment, in milliseconds.</summary>
    public abstract (long SinceBoot, long Wall) Read();

    /// <summary>Reads two clocks until hardly any time passed in between: a pause would look like a step.</summary>
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
