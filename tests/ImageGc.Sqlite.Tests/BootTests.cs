using Microsoft.Extensions.Logging;

namespace ImageGc.Sqlite.Tests;

/// <summary>A wrong clock, another boot, or an edit by hand can delay a removal, never hasten one.</summary>
public sealed class BootTests : StoreTest
{
    private static readonly TimeSpan Week = TimeSpan.FromDays(7);
    private static readonly TimeSpan Day = TimeSpan.FromDays(1);
    private static readonly TimeSpan Hour = TimeSpan.FromHours(1);
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    private readonly SimulatedDevice _device = new();

    [Fact]
    public void A_time_namespace_that_is_ahead_makes_no_image_older()
    {
        Store(_device).RecordUse(Id(1));
        _device.Pass(Minute);

        Assert.Empty(Store(_device.InTimeNamespace("ahead", TimeSpan.FromDays(20))).Prune([]));
        Assert.Empty(Store(_device).Prune([]));
    }

    [Fact]
    public void A_boot_that_is_first_seen_in_a_time_namespace_makes_no_image_of_an_earlier_boot_older()
    {
        Store(_device).RecordUse(Id(1));
        Reboot(off: Minute);
        _device.Ahead = Milliseconds(TimeSpan.FromDays(30));

        Assert.Empty(Store(_device.InTimeNamespace("ahead", TimeSpan.FromDays(20))).Prune([]));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_clock_of_the_same_boot_that_does_not_know_of_the_other_makes_no_image_older(bool inTimeNamespace)
    {
        var idle = Store(_device);
        idle.RecordUse(Id(1));
        _device.Pass(TimeSpan.FromDays(6));
        var other = Store(inTimeNamespace
            ? _device.InTimeNamespace("ahead", Hour)
            : _device.WithoutBootId());
        other.RecordUse(Id(2));
        _device.Pass(TimeSpan.FromDays(2));
        _device.Ahead = Milliseconds(Hour);

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
        _device.Pass(2 * Hour);
        Store(_device).RecordUse(Id(1));
        _device.Pass(10 * Hour);
        Store(_device).RecordUse(Id(2));
        _device.GoBackTo(Milliseconds(Hour));

        Assert.Empty(Store(_device).Prune([]));
        _device.Pass(Week - Second);
        Assert.Equal([Id(1)], Store(_device).Prune([]).Select(image => image.ImageId));
        _device.Pass(Second);
        Assert.Equal([Id(2)], Store(_device).Prune([]).Select(image => image.ImageId));
    }

    [Fact]
    public void A_clock_that_stands_where_a_snapshot_left_it_is_not_believed()
    {
        _device.Pass(5 * Hour);
        var wrong = _device.Now;
        _device.Pass(TimeSpan.FromDays(20));
        Store(_device).RecordUse(Id(1));
        _device.GoBackTo(wrong - _device.BootedAt);
        Store(_device).RecordUse(Id(2));
        Reboot(off: Minute);
        _device.Ahead = 0;
        Store(_device).RecordUse(Id(3));
        _device.Pass(2 * Hour);

        Assert.Empty(Store(_device).Prune([]));
    }

    [Fact]
    public void A_store_that_cannot_know_the_boot_warns_once()
    {
        using var log = new RecordingLog();
        using var store = ImageUseStore.Open(
            new ImageUseStoreOptions { DatabasePath = DatabasePath, Clock = _device.WithoutBootId() }, logging: log);

        store.RecordUse(Id(1));
        store.Prune([]);

        Assert.Contains("/proc/sys/kernel/random/boot_id", Assert.Single(log.Messages(LogLevel.Warning)),
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_store_that_cannot_know_the_boot_ages_images_while_it_runs()
    {
        var store = Store(_device.WithoutBootId());
        store.RecordUse(Id(1));
        _device.Ahead = -_device.Now;
        _device.Pass(Week - Second);

        Assert.Empty(store.Prune([]));
        _device.Pass(Second);
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
        _device.Pass(TimeSpan.FromDays(10));
        Store(_device).RecordUse([Id(1), Id(2)]);
        Sqlite.Execute(DatabasePath, string.Format(null, sql, Id(1)));

        Assert.Empty(Store(_device).Prune([]));
        Reboot(off: Day);
        _device.Ahead = -_device.Now;
        Assert.Empty(Store(_device).Prune([]));
        Store(_device).RecordUse(Id(3));
        _device.Pass(Week - Second);
        Assert.DoesNotContain(Id(3), Store(_device).Prune([]).Select(image => image.ImageId));
        _device.Pass(Second);
        Store(_device).Prune([]);
        Assert.Empty(Store(_device).List());
    }

    [Fact]
    public void A_running_time_to_come_does_not_make_the_other_images_older_in_the_next_boot()
    {
        Store(_device).RecordUse([Id(1), Id(2)]);
        Sqlite.Execute(DatabasePath, $"UPDATE image_use SET ran_at = ran_at + 31536000000 WHERE image_id = '{Id(1)}'");
        Reboot(off: Minute);

        Assert.Empty(Store(_device).Prune([]));
        Assert.Equal(2, Store(_device).Count());
    }

    [Fact]
    public void An_image_that_is_inserted_by_hand_with_a_wall_time_has_that_age_once_the_clock_is_settled()
    {
        using (var store = Store(_device))
            store.RecordUse(Id(1));
        Sqlite.Execute(DatabasePath,
            $"INSERT INTO image_use VALUES ('{Id(2)}', 0, {_device.Now - Milliseconds(TimeSpan.FromDays(8))})");

        Assert.Empty(Store(_device).Prune([]));
        _device.Pass(Hour);
        Assert.Equal([Id(2)], Store(_device).Prune([]).Select(image => image.ImageId));
    }

    [Fact]
    public void Two_uses_in_the_same_millisecond_are_two_and_none_moves_back()
    {
        var store = Store(_device);
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
        var store = Store(_device);
        store.RecordUse([Id(1), Id(2)]);
        var boot = Boots();
        _device.Pass(Minute - Second);

        store.RecordUse(Id(1));

        Assert.Equal(boot, Boots());
        _device.Pass(Second);
        store.RecordUse(Id(1));
        Assert.NotEqual(boot, Boots());
    }

    [Fact]
    public void Setting_the_clock_changes_one_row_however_many_images_there_are()
    {
        var store = Store(_device);
        store.RecordUse(Enumerable.Range(1, 20_000).Select(Id));
        var (images, boots) = (Uses(), Boots());
        _device.Ahead = Milliseconds(TimeSpan.FromDays(30));

        store.CorrectTimes();

        Assert.Equal(images, Uses());
        Assert.Single(Boots().Except(boots));
        Assert.Equal(SteppingTime.Start.AddDays(30), store.Find(Id(20_000))!.Value.LastUsedAt);
    }

    [Fact]
    public void Correcting_the_times_twice_does_no_harm()
    {
        Store(_device).RecordUse(Id(1));
        var (first, second) = (Store(_device), Store(_device));
        _device.Ahead = Milliseconds(Hour);

        first.CorrectTimes();
        second.CorrectTimes();

        Assert.Equal(SteppingTime.Start + Hour, second.Find(Id(1))!.Value.LastUsedAt);
    }

    [Fact]
    public void Boots_without_images_are_dropped_but_never_the_newest()
    {
        Store(_device).RecordUse(Id(1));
        Reboot(off: Minute);
        Store(_device).RecordUse(Id(1));
        Store(_device).Forget(Id(1));

        Assert.Equal([1, 2], BootNumbers());
        Reboot(off: Minute);
        Store(_device).RecordUse(Id(1));
        Assert.Equal([2, 3], BootNumbers());
        Reboot(off: Minute);
        Store(_device).RecordUse(Id(2));
        Assert.Equal([3, 4], BootNumbers());
    }

    [Fact]
    public void An_image_that_only_waits_for_the_clock_of_now_says_so_and_when_it_expires()
    {
        RecordInABootThatSettled();
        Reboot(off: TimeSpan.FromDays(30));
        var store = Store(_device);
        store.Prune([]);
        _device.Pass(TimeSpan.FromMinutes(10));

        var waits = Assert.Single(store.ExplainPrune([]));

        Assert.Equal(PruneReason.WaitsForClock, waits.Reason);
        Assert.Equal(Wall() + TimeSpan.FromMinutes(50), waits.PrunableAt);
        _device.Pass(TimeSpan.FromMinutes(50) - Second);
        Assert.Empty(store.Prune([]));
        _device.Pass(Second);
        Assert.Equal(PruneReason.Expired, Assert.Single(store.ExplainPrune([])).Reason);
        Assert.Single(store.Prune([]));
    }

    [Fact]
    public void An_image_used_by_a_clock_that_never_settled_waits_until_the_device_ran_for_the_threshold()
    {
        Store(_device).RecordUse(Id(1));
        Reboot(off: TimeSpan.FromDays(30));
        _device.Pass(2 * Hour);
        var store = Store(_device);

        var waits = Assert.Single(store.ExplainPrune([]));

        Assert.Equal(PruneReason.WaitsForClock, waits.Reason);
        Assert.Equal(Wall() + Week - (2 * Hour), waits.PrunableAt);
        _device.Pass(Week - (2 * Hour) - Second);
        Assert.Empty(store.Prune([]));
        _device.Pass(Second);
        Assert.Equal(PruneReason.Expired, Assert.Single(store.ExplainPrune([])).Reason);
        Assert.Single(store.Prune([]));
    }

    [Fact]
    public void A_clock_a_month_ahead_in_the_first_minutes_removes_nothing_of_earlier_boots()
    {
        RecordInABootThatSettled();
        Reboot(off: Minute);
        _device.Ahead = Milliseconds(TimeSpan.FromDays(30));
        _device.Pass(Minute);

        Assert.Empty(Store(_device).Prune([]));
        _device.Ahead = 0;
        _device.Pass(Hour);
        Assert.Empty(Store(_device).Prune([]));
        Assert.Equal(SteppingTime.Start + (2 * Hour), Store(_device).Find(Id(1))!.Value.LastUsedAt);
    }

    [Fact]
    public void A_clock_that_is_wrong_when_a_long_boot_is_first_seen_removes_nothing_of_earlier_boots()
    {
        RecordInABootThatSettled();
        Reboot(off: Minute);
        _device.Pass(5 * Hour);
        _device.Ahead = Milliseconds(TimeSpan.FromDays(30));

        Assert.Equal(PruneReason.WaitsForClock, Assert.Single(Store(_device).ExplainPrune([])).Reason);
        Assert.Empty(Store(_device).Prune([]));
    }

    [Fact]
    public void A_use_by_a_clock_that_is_wrong_when_a_long_boot_is_first_seen_ends_no_image_early()
    {
        _device.Pass(5 * Hour);
        _device.Ahead = -Milliseconds(TimeSpan.FromDays(30));
        Store(_device).RecordUse(Id(1));
        Reboot(off: Minute);
        _device.Ahead = 0;
        Store(_device).RecordUse(Id(2));
        _device.Pass(2 * Hour);

        Assert.Empty(Store(_device).Prune([]));
    }

    [Fact]
    public void A_clock_that_was_set_is_believed_an_hour_later()
    {
        RecordInABootThatSettled();
        Reboot(off: TimeSpan.FromDays(30));
        var store = Store(_device);
        _device.Ahead = -Milliseconds(TimeSpan.FromDays(30));
        store.RecordUse(Id(2));
        _device.Pass(2 * Hour);

        _device.Ahead = 0;

        Assert.Empty(store.Prune([]));
        _device.Pass(Hour - Second);
        Assert.Empty(store.Prune([]));
        _device.Pass(Second);
        Assert.Equal([Id(1)], store.Prune([]).Select(image => image.ImageId));
    }

    private void RecordInABootThatSettled()
    {
        Store(_device).RecordUse(Id(1));
        _device.Pass(2 * Hour);
        Store(_device).RecordUse(Id(1));
    }

    private void Reboot(TimeSpan off)
    {
        _device.Pass(off);
        _device.Boot();
    }

    private ImageUseStore Store(DeviceClock clock) => Open(options => options.Clock = clock, TimeProvider.System);

    private DateTimeOffset Wall() => DateTimeOffset.FromUnixTimeMilliseconds(_device.Wall);

    private List<string> Boots() => Sqlite.Query<string>(DatabasePath,
        "SELECT concat_ws(' ', boot, boot_id, ran_before, began_at, clock_set_at, last_seen) FROM boot");

    private List<string> Uses() => Sqlite.Query<string>(DatabasePath,
        "SELECT concat_ws(' ', image_id, boot, ran_at) FROM image_use");

    private List<long> BootNumbers() =>
        Sqlite.Query<long>(DatabasePath, "SELECT boot FROM boot WHERE boot <> 0 ORDER BY boot");

    private static long Milliseconds(TimeSpan time) => (long)time.TotalMilliseconds;
}
