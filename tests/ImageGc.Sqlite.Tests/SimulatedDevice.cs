namespace ImageGc.Sqlite.Tests;

/// <summary>A device whose boots and wall clock the test controls. All times are in milliseconds.</summary>
/// <remarks>It is the clock that most of its processes read. The others know less about the device.</remarks>
internal sealed class SimulatedDevice : DeviceClock
{
    public static readonly long Start = SteppingTime.Start.ToUnixTimeMilliseconds();

    private readonly bool _sameIdForEveryBoot;
    private int _boots;

    public SimulatedDevice(bool sameIdForEveryBoot = false)
    {
        _sameIdForEveryBoot = sameIdForEveryBoot;
        Boot();
    }

    /// <summary>The true time, which no process can see.</summary>
    public long Now { get; private set; } = Start;

    public long BootedAt { get; private set; }

    /// <summary>By how much the wall clock is ahead of the true time.</summary>
    public long Ahead { get; set; }

    public long SinceBoot => Now - BootedAt;

    public long Wall => Now + Ahead;

    public override string KernelBootId => $"boot-{(_sameIdForEveryBoot ? 0 : _boots)}";

    public override string BootId => $"{KernelBootId} initial";

    public override (long SinceBoot, long Wall) Read() => (SinceBoot, Wall);

    public void Boot()
    {
        _boots++;
        BootedAt = Now;
    }

    public void Pass(TimeSpan time) => PassTo(Now + (long)time.TotalMilliseconds);

    public void PassTo(long now) => Now = Math.Max(Now, now);

    /// <summary>Restores the machine from a snapshot of this boot. Its clocks continue from the snapshot.</summary>
    public void GoBackTo(long sinceBoot)
    {
        var back = SinceBoot - sinceBoot;
        BootedAt += back;
        Ahead -= back;
    }

    /// <summary>The clock of a process in a time namespace, which shifts the time since boot.</summary>
    public DeviceClock InTimeNamespace(string name, TimeSpan offset) =>
        new NamespaceClock(this, name, (long)offset.TotalMilliseconds);

    /// <summary>The clock of a store that cannot read the boot ID: its own lifetime counts as a boot.</summary>
    public DeviceClock WithoutBootId() => new StoreClock(this, $"store {Guid.NewGuid():N}");

    private sealed class NamespaceClock(SimulatedDevice device, string name, long offset) : DeviceClock
    {
        public override string KernelBootId => device.KernelBootId;

        public override string BootId => $"{KernelBootId} {name}";

        public override bool CountsFromBoot => false;

        public override (long SinceBoot, long Wall) Read() => (device.SinceBoot + offset, device.Wall);
    }

    private sealed class StoreClock(SimulatedDevice device, string id) : DeviceClock
    {
        private readonly long _openedAt = device.Now;

        public override string? KernelBootId => null;

        public override string BootId => id;

        public override (long SinceBoot, long Wall) Read() => (device.Now - _openedAt, device.Wall);
    }
}

/// <summary>The clock of a process that can be killed. It then fails, so that the store writes nothing more.</summary>
internal sealed class ProcessClock(DeviceClock clock) : DeviceClock
{
    public bool Killed { get; set; }

    public override string? KernelBootId => clock.KernelBootId;

    public override string BootId => clock.BootId;

    public override bool CountsFromBoot => clock.CountsFromBoot;

    public override (long SinceBoot, long Wall) Read()
    {
        ObjectDisposedException.ThrowIf(Killed, this);
        return clock.Read();
    }
}
