namespace ImageGc.Sqlite.Tests;

/// <summary>What a use and a boot write, and when a clock is trusted.</summary>
public sealed class ClockSettleTests : BootTest
{
    [Fact]
    public void Uses_in_the_same_millisecond_stay_distinct_and_in_order()
    {
        var store = Store(Device);
        store.RecordUse(Id(1));
        var first = store.Find(Id(1))!.Value;

        store.RecordUse(Id(1));
        var second = store.Find(Id(1))!.Value;
        store.Prune([Id(1)]);
        var third = store.Find(Id(1))!.Value;

        Assert.Equal([first.RanAt + 1, first.RanAt + 2], [second.RanAt, third.RanAt]);
    }

    [Fact]
    public void A_record_writes_the_row_of_the_boot_at_most_once_a_minute()
    {
        var store = Store(Device);
        store.RecordUse([Id(1), Id(2)]);
        var boot = Boots();
        Device.Pass(Minute - Second);

        store.RecordUse(Id(1));

        Assert.Equal(boot, Boots());
        Device.Pass(Second);
        store.RecordUse(Id(1));
        Assert.NotEqual(boot, Boots());
    }

    [Fact]
    public void Correcting_the_times_changes_one_row_however_many_images_there_are()
    {
        var store = Store(Device);
        store.RecordUse(Enumerable.Range(1, 20_000).Select(Id));
        var (images, boots) = (Uses(), Boots());
        Device.Ahead = Milliseconds(TimeSpan.FromDays(30));

        store.CorrectTimes();

        Assert.Equal(images, Uses());
        Assert.Single(Boots().Except(boots));
        Assert.Equal(SteppingTime.Start.AddDays(30), store.Find(Id(20_000))!.Value.LastUsedAt);
    }

    [Fact]
    public void Two_stores_that_see_the_same_clock_change_correct_it_once()
    {
        Store(Device).RecordUse(Id(1));
        var (first, second) = (Store(Device), Store(Device));
        Device.Ahead = Milliseconds(Hour);

        first.CorrectTimes();
        second.CorrectTimes();

        Assert.Equal(SteppingTime.Start + Hour, second.Find(Id(1))!.Value.LastUsedAt);
    }

    [Fact]
    public void Boots_without_images_are_deleted_except_the_newest()
    {
        Store(Device).RecordUse(Id(1));
        Reboot(off: Minute);
        Store(Device).RecordUse(Id(1));
        Store(Device).Forget(Id(1));

        Assert.Equal([1, 2], BootNumbers());
        Reboot(off: Minute);
        Store(Device).RecordUse(Id(1));
        Assert.Equal([2, 3], BootNumbers());
        Reboot(off: Minute);
        Store(Device).RecordUse(Id(2));
        Assert.Equal([3, 4], BootNumbers());
    }

    [Fact]
    public void ExplainPrune_says_when_an_image_expires_that_waits_for_the_clock_to_settle()
    {
        RecordInABootThatSettled();
        Reboot(off: TimeSpan.FromDays(30));
        var store = Store(Device);
        store.Prune([]);
        Device.Pass(TimeSpan.FromMinutes(10));

        var waits = Assert.Single(store.ExplainPrune([]));

        Assert.Equal(PruneReason.WaitsForClock, waits.Reason);
        Assert.Equal(Wall() + TimeSpan.FromMinutes(50), waits.PrunableAt);
        Device.Pass(TimeSpan.FromMinutes(50) - Second);
        Assert.Empty(store.Prune([]));
        Device.Pass(Second);
        Assert.Equal(PruneReason.Expired, Assert.Single(store.ExplainPrune([])).Reason);
        Assert.Single(store.Prune([]));
    }

    [Fact]
    public void An_image_whose_boot_never_settled_expires_once_the_device_ran_for_the_threshold()
    {
        Store(Device).RecordUse(Id(1));
        Reboot(off: TimeSpan.FromDays(30));
        Device.Pass(2 * Hour);
        var store = Store(Device);

        var waits = Assert.Single(store.ExplainPrune([]));

        Assert.Equal(PruneReason.WaitsForClock, waits.Reason);
        Assert.Equal(Wall() + Week - (2 * Hour), waits.PrunableAt);
        Device.Pass(Week - (2 * Hour) - Second);
        Assert.Empty(store.Prune([]));
        Device.Pass(Second);
        Assert.Equal(PruneReason.Expired, Assert.Single(store.ExplainPrune([])).Reason);
        Assert.Single(store.Prune([]));
    }

    [Fact]
    public void A_clock_that_is_a_month_ahead_after_boot_removes_no_image_early()
    {
        RecordInABootThatSettled();
        Reboot(off: Minute);
        Device.Ahead = Milliseconds(TimeSpan.FromDays(30));
        Device.Pass(Minute);

        Assert.Empty(Store(Device).Prune([]));
        Device.Ahead = 0;
        Device.Pass(Hour);
        Assert.Empty(Store(Device).Prune([]));
        Assert.Equal(SteppingTime.Start + (2 * Hour), Store(Device).Find(Id(1))!.Value.LastUsedAt);
    }

    [Fact]
    public void A_wrong_clock_in_a_long_running_boot_that_is_first_seen_removes_no_image_early()
    {
        RecordInABootThatSettled();
        Reboot(off: Minute);
        Device.Pass(5 * Hour);
        Device.Ahead = Milliseconds(TimeSpan.FromDays(30));

        Assert.Equal(PruneReason.WaitsForClock, Assert.Single(Store(Device).ExplainPrune([])).Reason);
        Assert.Empty(Store(Device).Prune([]));
    }

    [Fact]
    public void A_use_by_a_wrong_clock_in_a_long_running_boot_that_is_first_seen_does_not_expire_early()
    {
        Device.Pass(5 * Hour);
        Device.Ahead = -Milliseconds(TimeSpan.FromDays(30));
        Store(Device).RecordUse(Id(1));
        Reboot(off: Minute);
        Device.Ahead = 0;
        Store(Device).RecordUse(Id(2));
        Device.Pass(2 * Hour);

        Assert.Empty(Store(Device).Prune([]));
    }

    [Fact]
    public void A_clock_is_trusted_an_hour_after_it_was_set()
    {
        RecordInABootThatSettled();
        Reboot(off: TimeSpan.FromDays(30));
        var store = Store(Device);
        Device.Ahead = -Milliseconds(TimeSpan.FromDays(30));
        store.RecordUse(Id(2));
        Device.Pass(2 * Hour);

        Device.Ahead = 0;

        Assert.Empty(store.Prune([]));
        Device.Pass(Hour - Second);
        Assert.Empty(store.Prune([]));
        Device.Pass(Second);
        Assert.Equal([Id(1)], store.Prune([]).Select(image => image.ImageId));
    }

    [Fact]
    public void A_use_by_a_clock_that_was_just_set_back_ends_no_image_early()
    {
        RecordInABootThatSettled();
        Device.Ahead = -Milliseconds(TimeSpan.FromDays(30));
        Store(Device).RecordUse(Id(1));
        Reboot(off: Minute);
        Device.Ahead = 0;
        Store(Device).RecordUse(Id(2));
        Device.Pass(2 * Hour);

        Assert.Empty(Store(Device).Prune([]));
    }

    [Fact]
    public void A_flat_file_does_not_replace_a_use_by_a_clock_that_never_settled()
    {
        Device.Ahead = -Milliseconds(TimeSpan.FromDays(30));
        Store(Device).RecordUse(Id(1));
        Reboot(off: Minute);
        Device.Ahead = 0;
        var store = Store(Device);
        store.RecordUse(Id(2));
        Device.Pass(2 * Hour);
        File.WriteAllText(PathOf("image_use"), $"{Id(1)} {Wall().AddDays(-20).ToUnixTimeSeconds()}\n");

        store.ImportFlatFile(PathOf("image_use"));

        Assert.Equal(Wall(), store.Find(Id(1))!.Value.LastUsedAt);
        Assert.Empty(store.Prune([]));
    }

    [Fact]
    public void A_wrong_clock_that_moves_the_times_of_an_earlier_row_of_its_boot_ends_no_image_early()
    {
        RecordInABootThatSettled();
        Store(Device.InTimeNamespace("other", Hour)).RecordUse(Id(2)); // Has a row of its own, after that of the boot.
        Device.Ahead = -Milliseconds(TimeSpan.FromDays(30));
        Store(Device).RecordUse(Id(3));
        Reboot(off: Minute);
        Device.Ahead = 0;
        Store(Device).RecordUse(Id(4));
        Device.Pass(2 * Hour);

        Assert.Empty(Store(Device).Prune([]));
    }

    [Fact]
    public void A_time_of_a_flat_file_is_kept_while_the_clock_is_before_it()
    {
        var used = Wall().AddDays(-1);
        File.WriteAllText(PathOf("image_use"), $"{Id(1)} {used.ToUnixTimeSeconds()}\n");
        Store(Device).ImportFlatFile(PathOf("image_use"));
        Reboot(off: Minute);
        Device.Ahead = -Device.Now; // It is 1970.

        Assert.Empty(Store(Device).Prune([]));

        Device.Ahead = 0;
        Assert.Equal(used, Store(Device).Find(Id(1))!.Value.LastUsedAt);
    }

    [Fact]
    public void A_flat_file_that_was_written_by_a_wrong_clock_ends_no_image_early()
    {
        var store = Store(Device);
        Device.Ahead = -Milliseconds(TimeSpan.FromDays(30));
        store.RecordUse(Id(1));
        Device.Pass(10 * Minute);
        File.WriteAllText(PathOf("image_use"), $"{Id(1)} {(Wall() - (5 * Minute)).ToUnixTimeSeconds()}\n");
        store.ImportFlatFile(PathOf("image_use"));

        Device.Ahead = 0;
        store.CorrectTimes();
        Device.Pass(2 * Hour);

        Assert.Empty(store.Prune([]));
    }
}
