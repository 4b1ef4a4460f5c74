namespace ImageGc.Sqlite.Tests;

/// <summary>A simulated device with its clocks and boots.</summary>
public abstract class BootTest : StoreTest
{
    protected static readonly TimeSpan Hour = TimeSpan.FromHours(1);
    protected static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);

    internal SimulatedDevice Device { get; } = new();

    protected void RecordInABootThatSettled()
    {
        Store(Device).RecordUse(Id(1));
        Device.Pass(2 * Hour);
        Store(Device).RecordUse(Id(1));
    }

    protected void Reboot(TimeSpan off)
    {
        Device.Pass(off);
        Device.Boot();
    }

    internal ImageUseStore Store(DeviceClock clock) => Open(options => options.Clock = clock, TimeProvider.System);

    protected DateTimeOffset Wall() => DateTimeOffset.FromUnixTimeMilliseconds(Device.Wall);

    protected List<string> Boots() => Sqlite.Query<string>(DatabasePath,
        "SELECT concat_ws(' ', boot, boot_id, ran_before, began_at, clock_set_at, last_seen) FROM boot");

    protected List<string> Uses() => Sqlite.Query<string>(DatabasePath,
        "SELECT concat_ws(' ', image_id, boot, ran_at) FROM image_use");

    protected List<long> BootNumbers() =>
        Sqlite.Query<long>(DatabasePath, "SELECT boot FROM boot WHERE boot <> 0 ORDER BY boot");

    protected static long Milliseconds(TimeSpan time) => (long)time.TotalMilliseconds;
}
