namespace ImageGc.Sqlite.Tests;

/// <summary>What a use and a boot write, and when a clock is believed.</summary>
public sealed class ClockSettleTests : BootTest
{
    [Fact]
    public void Two_uses_in_the_same_millisecond_are_two_and_none_moves_back()
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
    public void A_record_within_a_minute_writes_one_row()
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
    public void Setting_the_clock_changes_one_row_however_many_images_there_are()
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
    public void Correcting_the_times_twice_does_no_harm()
    {
        Store(Device).RecordUse(Id(1));
        var (first, second) = (Store(Device), Store(Device));
        Device.Ahead = Milliseconds(Hour);

        first.CorrectTimes();
        second.CorrectTimes();

        Assert.Equal(SteppingTime.Start + Hour, second.Find(Id(1))!.Value.LastUsedAt);
    }

    [Fact]
    public void Boots_without_images_are_dropped_but_never_the_newest()
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
    public void An_image_that_only_waits_for_the_clock_of_now_says_so_and_when_it_expires()
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
    public void An_image_used_by_a_clock_that_never_settled_waits_until_theDevice_ran_for_the_threshold()
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
    public void A_clock_a_month_ahead_in_the_first_minutes_removes_nothing_of_earlier_boots()
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
    public void A_clock_that_is_wrong_when_a_long_boot_is_first_seen_removes_nothing_of_earlier_boots()
    {
        RecordInABootThatSettled();
        Reboot(off: Minute);
        Device.Pass(5 * Hour);
        Device.Ahead = Milliseconds(TimeSpan.FromDays(30));

        Assert.Equal(PruneReason.WaitsForClock, Assert.Single(Store(Device).ExplainPrune([])).Reason);
        Assert.Empty(Store(Device).Prune([]));
    }

    [Fact]
    public void A_use_by_a_clock_that_is_wrong_when_a_long_boot_is_first_seen_ends_no_image_early()
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
    public void A_clock_that_was_set_is_believed_an_hour_later()
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
}
