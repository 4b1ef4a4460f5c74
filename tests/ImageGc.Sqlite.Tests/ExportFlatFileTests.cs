namespace ImageGc.Sqlite.Tests;

/// <summary>An export makes no image older than the clocks prove, because its reader trusts every time.</summary>
public sealed class ExportFlatFileTests : BootTest
{
    private static readonly TimeSpan Month = TimeSpan.FromDays(30);

    private string FlatFilePath => PathOf("image_use");

    [Fact]
    public void A_use_under_an_untrusted_clock_is_exported_with_the_age_that_the_device_ran_since()
    {
        Device.Ahead = -Milliseconds(Month);
        var before = Store(Device);
        before.RecordUse(Id(1));
        Device.Pass(5 * Minute);
        before.RecordUse(Id(2)); // Shows how long this boot ran.
        Reboot(off: Day);
        Device.Ahead = 0;
        var store = Store(Device);
        store.RecordUse(Id(2));
        Device.Pass(3 * Hour);

        store.ExportFlatFile(FlatFilePath);

        var now = SteppingTime.Start + (5 * Minute) + Day + (3 * Hour);
        Assert.Equal(
            [(Id(1), now - (3 * Hour) - (5 * Minute)), (Id(2), now - (3 * Hour))], Exported());
        var imported = Import();
        Device.Pass(Week - (3 * Hour) - (5 * Minute) - Second);
        Assert.DoesNotContain(PruneReason.Expired, ReasonsIn(store).Concat(ReasonsIn(imported)));
        Device.Pass(Second);
        Assert.Equal([PruneReason.Expired, PruneReason.UsedRecently], ReasonsIn(store));
        Assert.Equal([PruneReason.Expired, PruneReason.UsedRecently], ReasonsIn(imported));
    }

    [Fact]
    public void A_use_under_a_trusted_clock_is_exported_with_its_time_also_while_the_clock_is_wrong()
    {
        File.WriteAllText(FlatFilePath, $"{Id(1)} {SteppingTime.Start.ToUnixTimeSeconds()}\n");
        var before = Store(Device);
        before.ImportFlatFile(FlatFilePath);
        Device.Pass(Minute);
        before.RecordUse(Id(2));
        Device.Pass(2 * Hour);
        before.RecordUse(Id(3));
        File.Delete(FlatFilePath);
        Reboot(off: Day);
        Device.Ahead = -Milliseconds(Month);

        Store(Device).ExportFlatFile(FlatFilePath);

        Assert.Equal(
            [
                (Id(1), SteppingTime.Start),
                (Id(2), SteppingTime.Start + Minute),
                (Id(3), SteppingTime.Start + Minute + (2 * Hour)),
            ],
            Exported());
    }

    [Fact]
    public void A_use_with_an_implausible_time_is_exported_with_the_age_that_the_device_ran_since()
    {
        Device.Ahead = -Device.Wall; // The device boots in 1970.
        var before = Store(Device);
        before.RecordUse(Id(1));
        Device.Pass(2 * Hour);
        before.RecordUse(Id(2));
        before.Dispose();
        Sqlite.Execute(DatabasePath, $"INSERT INTO image_use VALUES ('{Id(3)}', 0, 7200000)"); // A time of version 2.
        Sqlite.Execute(DatabasePath, $"INSERT INTO image_use VALUES ('{Id(4)}', 1, 1000000000000)"); // Damage.
        Reboot(off: Day);
        Device.Ahead = 0;

        Store(Device).ExportFlatFile(FlatFilePath);

        var now = SteppingTime.Start + (2 * Hour) + Day;
        Assert.Equal([(Id(1), now - (2 * Hour)), (Id(2), now), (Id(3), now), (Id(4), now)], Exported());
    }

    private IEnumerable<(string ImageId, DateTimeOffset LastUsedAt)> Exported() => File.ReadLines(FlatFilePath)
        .Select(line => line.Split(' '))
        .Select(fields => (fields[0], DateTimeOffset.FromUnixTimeSeconds(
            long.Parse(fields[1], System.Globalization.CultureInfo.InvariantCulture))));

    private ImageUseStore Import()
    {
        var store = Open(options => (options.DatabasePath, options.Clock) = (PathOf("imported.db"), Device));
        store.ImportFlatFile(FlatFilePath);
        return store;
    }

    private static IEnumerable<PruneReason> ReasonsIn(ImageUseStore store) =>
        store.ExplainPrune([]).OrderBy(verdict => verdict.Image.ImageId, StringComparer.Ordinal)
            .Select(verdict => verdict.Reason);
}
