using Microsoft.Extensions.Logging;

namespace ImageGc.Sqlite.Tests;

/// <summary>Another boot, another clock of it, or an edit by hand can delay a removal, never hasten one.</summary>
public sealed class BootTests : BootTest
{
    [Fact]
    public void A_time_namespace_that_is_ahead_makes_no_image_older()
    {
        Store(Device).RecordUse(Id(1));
        Device.Pass(Minute);

        Assert.Empty(Store(Device.InTimeNamespace("ahead", TimeSpan.FromDays(20))).Prune([]));
        Assert.Empty(Store(Device).Prune([]));
    }

    [Fact]
    public void A_boot_that_is_first_seen_in_a_time_namespace_makes_no_image_of_an_earlier_boot_older()
    {
        Store(Device).RecordUse(Id(1));
        Reboot(off: Minute);
        Device.Ahead = Milliseconds(TimeSpan.FromDays(30));

        Assert.Empty(Store(Device.InTimeNamespace("ahead", TimeSpan.FromDays(20))).Prune([]));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_clock_of_the_same_boot_that_does_not_know_of_the_other_makes_no_image_older(bool inTimeNamespace)
    {
        var idle = Store(Device);
        idle.RecordUse(Id(1));
        Device.Pass(TimeSpan.FromDays(6));
        var other = Store(inTimeNamespace
            ? Device.InTimeNamespace("ahead", Hour)
            : Device.WithoutBootId());
        other.RecordUse(Id(2));
        Device.Pass(TimeSpan.FromDays(2));
        Device.Ahead = Milliseconds(Hour);

        Assert.DoesNotContain(Id(2), idle.Prune([]).Select(image => image.ImageId));
        Assert.DoesNotContain(Id(2), other.Prune([]).Select(image => image.ImageId));
    }

    [Fact]
    public void Two_boots_with_the_same_ID_are_two()
    {
        var device = new SimulatedDevice(sameIdForEveryBoot: true);
        device.Pass(Hour);
        Store(device).RecordUse(Id(1));
        device.PassTo(device.Now + Milliseconds(TimeSpan.FromDays(30)));
        device.Boot();
        device.Ahead = -Milliseconds(TimeSpan.FromDays(30));

        Store(device).RecordUse(Id(2));
        device.Ahead = 0;
        Store(device).CorrectTimes();

        Assert.Equal(2, Sqlite.Query<long>(DatabasePath, "SELECT boot FROM boot WHERE boot <> 0").Count);
        Assert.Equal(SteppingTime.Start + Hour, Store(device).Find(Id(1))!.Value.LastUsedAt);
        Assert.Empty(Store(device).Prune([]));
    }

    [Fact]
    public void A_boot_with_the_ID_of_the_last_one_that_is_seen_later_than_it_ends_no_image_early()
    {
        var device = new SimulatedDevice(sameIdForEveryBoot: true);
        device.Pass(Hour);
        Store(device).RecordUse(Id(1));
        device.Pass(Day);
        device.Boot();
        device.Pass(Week - Day - Second);

        Assert.Empty(Store(device).Prune([]));
        device.Pass(Day + Hour);
        Assert.Empty(Store(device).Prune([]));
        device.Pass(Second);
        Assert.Single(Store(device).Prune([]));
    }

    [Fact]
    public void A_machine_that_goes_back_to_a_snapshot_makes_no_image_older_and_keeps_none_for_ever()
    {
        Device.Pass(2 * Hour);
        Store(Device).RecordUse(Id(1));
        Device.Pass(10 * Hour);
        Store(Device).RecordUse(Id(2));
        Device.GoBackTo(Milliseconds(Hour));

        Assert.Empty(Store(Device).Prune([]));
        Device.Pass(Week - Second);
        Assert.Equal([Id(1)], Store(Device).Prune([]).Select(image => image.ImageId));
        Device.Pass(Second);
        Assert.Equal([Id(2)], Store(Device).Prune([]).Select(image => image.ImageId));
    }

    [Fact]
    public void A_clock_that_stands_where_a_snapshot_left_it_is_not_believed()
    {
        Device.Pass(5 * Hour);
        var wrong = Device.Now;
        Device.Pass(TimeSpan.FromDays(20));
        Store(Device).RecordUse(Id(1));
        Device.GoBackTo(wrong - Device.BootedAt);
        Store(Device).RecordUse(Id(2));
        Reboot(off: Minute);
        Device.Ahead = 0;
        Store(Device).RecordUse(Id(3));
        Device.Pass(2 * Hour);

        Assert.Empty(Store(Device).Prune([]));
    }

    [Fact]
    public void A_store_that_cannot_know_the_boot_warns_once()
    {
        using var log = new RecordingLog();
        using var store = ImageUseStore.Open(
            new ImageUseStoreOptions { DatabasePath = DatabasePath, Clock = Device.WithoutBootId() }, logging: log);

        store.RecordUse(Id(1));
        store.Prune([]);

        Assert.Contains("/proc/sys/kernel/random/boot_id", Assert.Single(log.Messages(LogLevel.Warning)),
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_store_that_cannot_know_the_boot_ages_images_while_it_runs()
    {
        var store = Store(Device.WithoutBootId());
        store.RecordUse(Id(1));
        Device.Ahead = -Device.Now;
        Device.Pass(Week - Second);

        Assert.Empty(store.Prune([]));
        Device.Pass(Second);
        Assert.Single(store.Prune([]));
    }

    [Theory]
    [InlineData("UPDATE image_use SET ran_at = ran_at + 31536000000 WHERE image_id = '{0}'")]
    [InlineData("UPDATE image_use SET ran_at = 253402300799999 WHERE image_id = '{0}'")]
    [InlineData("INSERT INTO image_use VALUES ('by-hand', 77, 0); DELETE FROM image_use WHERE image_id = '{0}'")]
    [InlineData("INSERT INTO image_use VALUES ('by-hand', 0, 0); DELETE FROM image_use WHERE image_id = '{0}'")]
    [InlineData("DELETE FROM boot WHERE boot = (SELECT max(boot) FROM boot)")]
    [InlineData("DELETE FROM boot WHERE boot <> 0")]
    [InlineData("DELETE FROM boot")]
    public void An_edit_by_hand_makes_no_image_older_and_keeps_none_for_ever(string sql)
    {
        Device.Pass(TimeSpan.FromDays(10));
        Store(Device).RecordUse([Id(1), Id(2)]);
        Sqlite.Execute(DatabasePath, string.Format(null, sql, Id(1)));

        Assert.Empty(Store(Device).Prune([]));
        Reboot(off: Day);
        Device.Ahead = -Device.Now;
        Assert.Empty(Store(Device).Prune([]));
        Store(Device).RecordUse(Id(3));
        Device.Pass(Week - Second);
        Assert.DoesNotContain(Id(3), Store(Device).Prune([]).Select(image => image.ImageId));
        Device.Pass(Second);
        Store(Device).Prune([]);
        Assert.Empty(Store(Device).List());
    }

    [Fact]
    public void A_running_time_to_come_does_not_make_the_other_images_older_in_the_next_boot()
    {
        Store(Device).RecordUse([Id(1), Id(2)]);
        Sqlite.Execute(DatabasePath, $"UPDATE image_use SET ran_at = ran_at + 31536000000 WHERE image_id = '{Id(1)}'");
        Reboot(off: Minute);

        Assert.Empty(Store(Device).Prune([]));
        Assert.Equal(2, Store(Device).Count());
    }

    [Fact]
    public void An_image_that_is_inserted_by_hand_with_a_wall_time_has_that_age_once_the_clock_is_settled()
    {
        using (var store = Store(Device))
            store.RecordUse(Id(1));
        Sqlite.Execute(DatabasePath,
            $"INSERT INTO image_use VALUES ('{Id(2)}', 0, {Device.Now - Milliseconds(TimeSpan.FromDays(8))})");

        Assert.Empty(Store(Device).Prune([]));
        Device.Pass(Hour);
        Assert.Equal([Id(2)], Store(Device).Prune([]).Select(image => image.ImageId));
    }
}
