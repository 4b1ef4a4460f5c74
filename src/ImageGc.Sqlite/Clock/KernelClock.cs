using System.Runtime.InteropServices;

namespace ImageGc.Sqlite;

/// <summary>The clocks of Linux: every process of a boot reads the same time since boot.</summary>
internal sealed partial class KernelClock : DeviceClock
{
    private const string BootIdFile = "/proc/sys/kernel/random/boot_id";
    private const string TimeNamespace = "/proc/self/ns/time";
    private const string NoTimeNamespace = "-"; // Kernels before 5.6 have none.

    /// <summary>PROC_TIME_INIT_INO of the kernel's include/linux/proc_ns.h, the same on every machine.</summary>
    private const string InitialTimeNamespace = "time:[4026531834]";

    private KernelClock(string kernelBootId, string timeNamespace)
    {
        KernelBootId = kernelBootId;
        BootId = $"{kernelBootId} {timeNamespace}";
        CountsFromBoot = timeNamespace is NoTimeNamespace or InitialTimeNamespace;
    }

    public override string KernelBootId { get; }

    /// <remarks>In another time namespace the time since boot is another one, so the boot needs another ID.</remarks>
    public override string BootId { get; }

    public override bool CountsFromBoot { get; }

    /// <summary>Returns null if the boot ID cannot be read, as with `ProcSubset=pid` in a systemd unit.</summary>
    public static KernelClock? TryCreate()
    {
        if (!OperatingSystem.IsLinux())
            return null;
        try
        {
            var bootId = File.ReadAllText(BootIdFile).Trim();
            var timeNamespace = new FileInfo(TimeNamespace).LinkTarget ?? NoTimeNamespace;
            return bootId.Length > 0 && TryRead() is not null ? new KernelClock(bootId, timeNamespace) : null;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    public override (long SinceBoot, long Wall) Read() => Read(SinceBoot, TimeProvider.System);

    private static long SinceBoot() =>
        TryRead() ?? throw new InvalidOperationException("CLOCK_BOOTTIME can no longer be read.");

    /// <summary>
    /// Reads CLOCK_BOOTTIME, which includes suspended time. In /proc/uptime, lxcfs shows the uptime of the container.
    /// </summary>
    private static long? TryRead()
    {
        const int bootTime = 7; // https://man7.org/linux/man-pages/man2/clock_gettime.2.html
        return ClockGetTime(bootTime, out var time) == 0
            ? (long)time.Seconds * 1000 + time.Nanoseconds / 1_000_000
            : null;
    }

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    private static partial int ClockGetTime(int clock, out TimeSpec time);

    /// <remarks>Both fields have the size of a pointer on every architecture that .NET runs on.</remarks>
    private readonly struct TimeSpec
    {
        public readonly nint Seconds;
        public readonly nint Nanoseconds;
    }
}
