using Microsoft.Extensions.Logging;

namespace ImageGc.Sqlite.Tests;

/// <summary>Reboots, several clocks in one boot and edits by hand can delay a removal but never hasten one.</summary>
public sealed class BootTests : BootTest
{
    [Fact]
    public void A_time_namespace_that_is_ahead_removes_no_image_early()
    {
        Store(Device).RecordUse(Id(1));
        Device.Pass(Minute);

        Assert.Empty(Store(Device.InTimeNamespace("ahead", TimeSpan.FromDays(20))).Prune([]));
        Assert.Empty(Store(Device).Prune([]));
    }

    [Fact]
    public void A_boot_first_seen_in_a_time_namespace_removes_no_image_early()
    {
        Store(Device).RecordUse(Id(1));
        Reboot(off: Minute);
        Device.Ahead = Milliseconds(TimeSpan.FromDays(30));

        Assert.Empty(Store(Device.InTimeNamespace("ahead", TimeSpan.FromDays(20))).Prune([]));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Two_unrelated_clocks_of_one_boot_remove_no_image_early(bool inTimeNamespace)
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
    public void Two_boots_with_the_same_ID_count_as_two_boots()
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
    public void A_boot_that_repeats_the_ID_of_the_last_boot_removes_no_image_early()
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
    public void A_machine_restored_from_a_snapshot_removes_no_image_early_and_leaks_none()
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
    public void A_clock_set_back_by_a_snapshot_is_not_trusted()
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
    public void A_store_without_a_boot_ID_warns_once()
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
    public void A_store_without_a_boot_ID_ages_images_while_it_runs()
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
    public void An_edit_by_hand_removes_no_image_early_and_leaks_none(string sql)
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
    public void A_running_time_in_the_future_removes_no_image_early_in_the_next_boot()
    {
        Store(Device).RecordUse([Id(1), Id(2)]);
        Sqlite.Execute(DatabasePath, $"UPDATE image_use SET ran_at = ran_at + 31536000000 WHERE image_id = '{Id(1)}'");
        Reboot(off: Minute);

        Assert.Empty(Store(Device).Prune([]));
        Assert.Equal(2, Store(Device).Count());
    }

    [Fact]
    public void An_image_inserted_by_hand_has_the_age_of_its_wall_time_once_the_clock_is_settled()
    {
        using (var store = Store(Device))
            store.RecordUse(Id(1));
        Sqlite.Execute(DatabasePath,
            $"INSERT INTO image_use VALUES ('{Id(2)}', 0, {Device.Now - Milliseconds(TimeSpan.FromDays(8))})");

        Assert.Empty(Store(Device).Prune([]));
        Device.Pass(Hour);
        Assert.Equal([Id(2)], Store(Device).Prune([]).Select(image => image.ImageId));
    }

    [Theory]
    [InlineData("UPDATE image_use SET ran_at = ran_at + 31536000000")]
    [InlineData("UPDATE image_use SET boot = 77, ran_at = 0")]
    public void A_running_time_that_cannot_be_counts_as_used_now_also_where_nothing_is_written(string sql)
    {
        RecordInABootThatSettled();
        Sqlite.Execute(DatabasePath, sql);
        Reboot(off: TimeSpan.FromDays(730));
        Device.Pass(8 * Day);
        var store = Store(Device);

        var verdict = Assert.Single(store.ExplainPrune([]));

        Assert.Equal((PruneReason.UsedRecently, Wall() + Week), (verdict.Reason, verdict.PrunableAt));
        Assert.Equal(1, store.Check().ImplausibleTimes);
    }

    [Fact]
    public void The_time_of_a_store_that_could_not_know_the_boot_counts_once()
    {
        var other = Store(Device.WithoutBootId());
        other.RecordUse(Id(1));
        Device.Pass(6 * Day);
        other.RecordUse(Id(2));

        Assert.Empty(Store(Device).Prune([]));
    }

    [Fact]
    public void The_time_that_a_boot_ran_counts_although_no_image_was_used_in_it()
    {
        Store(Device).RecordUse(Id(1));
        Reboot(off: Minute);
        Device.Ahead = -Device.Now; // The wall clock says nothing.
        Store(Device).Prune([]);
        Device.Pass(6 * Day);
        Store(Device).Prune([]);
        Reboot(off: Minute);
        Device.Ahead = -Device.Now;
        Device.Pass(Day - Second);

        Assert.Empty(Store(Device).Prune([]));
        Device.Pass(Second);
        Assert.Single(Store(Device).Prune([]));
    }

    [Fact]
    public void The_time_since_boot_that_a_time_namespace_moves_makes_no_image_of_an_earlier_boot_older()
    {
        if (!Shell.TryRun("unshare", "--time", "--boottime", "864000", "true"))
            Assert.Skip("Needs the right to make a time namespace.");
        var program = PathOf("program");
        File.WriteAllText(program, "#!/bin/sh\nexec unshare --time --boottime 864000 "
            + $"{Path.ChangeExtension(typeof(BootTests).Assembly.Location, null)}\n");
        File.SetUnixFileMode(program, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        using (var store = ImageUseStore.Open(new ImageUseStoreOptions { DatabasePath = DatabasePath }))
            store.RecordUse(Id(1));
        Sqlite.Execute(DatabasePath, "UPDATE boot SET boot_id = 'earlier initial' WHERE boot <> 0");

        using var other = new OtherProcess(program: program);
        Assert.Equal("ok", other.Ask("record", DatabasePath, Id(2)));

        var ran = Sqlite.Query<long>(DatabasePath, "SELECT max(ran_at) - min(ran_at) FROM image_use");
        Assert.InRange(Assert.Single(ran), 0, Milliseconds(Hour));
    }
}
