namespace ImageGc.Sqlite.Tests;

public sealed class ClockTests : StoreTest
{
    private static readonly DateTimeOffset Boot = DateTimeOffset.UnixEpoch.AddSeconds(30);

    [Fact]
    public void A_clock_set_back_by_a_year_removes_no_image_used_within_the_threshold()
    {
        using (var earlier = Open())
            earlier.RecordUse(Id(1));
        var store = Open();
        store.RecordUse(Id(2));
        Time.Pass(Week - Second);

        Time.StepTo(Time.GetUtcNow().AddYears(-1));

        Assert.Empty(store.Prune([]));
        Time.Pass(Second);
        Assert.Equal([Id(2), Id(1)], store.Prune([]).Select(image => image.ImageId));
    }

    [Fact]
    public void An_image_recorded_in_1970_has_its_true_age_once_the_time_is_known()
    {
        var time = new SteppingTime(Boot);
        var store = Open(time: time);
        store.RecordUse(Id(1));
        time.Pass(TimeSpan.FromMinutes(5));

        time.StepTo(SteppingTime.Start);

        Assert.Empty(store.Prune([]));
        Assert.Equal(SteppingTime.Start.AddMinutes(-5), store.Find(Id(1))!.Value.LastUsedAt);
        time.Pass(Week - TimeSpan.FromMinutes(5) - Second);
        Assert.Empty(store.Prune([]));
        time.Pass(Second);
        Assert.Single(store.Prune([]));
    }

    [Fact]
    public void Uses_of_earlier_sessions_do_not_change_when_the_time_becomes_known()
    {
        using (var earlier = Open())
            earlier.RecordUse(Id(1));
        var time = new SteppingTime(Boot);
        var store = Open(time: time);
        store.RecordUse(Id(2));

        time.StepTo(SteppingTime.Start.AddDays(1));
        store.RecordUse(Id(3));

        Assert.Equal(SteppingTime.Start, store.Find(Id(1))!.Value.LastUsedAt);
        Assert.Equal(SteppingTime.Start.AddDays(1), store.Find(Id(2))!.Value.LastUsedAt);
    }

    [Fact]
    public void A_clock_step_does_not_change_the_uses_of_other_processes()
    {
        var store = Open();
        var other = Open(time: new SteppingTime(SteppingTime.Start));
        store.RecordUse([Id(1), Id(2), Id(3)]);
        other.RecordUse(Id(4));
        Time.Pass(Second);
        other.RecordUse(Id(5));

        Time.StepTo(Time.GetUtcNow().AddHours(1));
        store.RecordUse(Id(3));

        Assert.Equal(SteppingTime.Start.AddHours(1), store.Find(Id(1))!.Value.LastUsedAt);
        Assert.Equal(SteppingTime.Start, store.Find(Id(4))!.Value.LastUsedAt);
        Assert.Equal(SteppingTime.Start, store.Find(Id(5))!.Value.LastUsedAt);
    }

    [Fact]
    public void A_use_in_the_far_future_expires_one_threshold_after_the_clock_is_corrected()
    {
        using (var wrong = Open(time: new SteppingTime(new DateTimeOffset(2099, 1, 1, 0, 0, 0, TimeSpan.Zero))))
            wrong.RecordUse(Id(1));
        var store = Open();

        Assert.Empty(store.Prune([]));
        Time.Pass(Week - Second);
        Assert.Empty(store.Prune([]));
        Time.Pass(Second);
        Assert.Single(store.Prune([]));
    }

    [Fact]
    public void A_use_left_in_1970_by_an_earlier_session_counts_as_used_now()
    {
        using (var wrong = Open(time: new SteppingTime(Boot)))
            wrong.RecordUse(Id(1));
        var store = Open();

        Assert.Equal(PruneReason.UsedRecently, Assert.Single(store.ExplainPrune([])).Reason);
        Assert.Empty(store.Prune([]));
        Time.Pass(Week);
        Assert.Single(store.Prune([]));
    }

    [Fact]
    public void Uses_of_a_session_expire_even_before_the_time_is_known()
    {
        var time = new SteppingTime(Boot);
        var store = Open(time: time);
        store.RecordUse(Id(1));

        time.Pass(Week);

        Assert.Single(store.Prune([]));
    }

    [Fact]
    public void Repeated_clock_steps_do_not_shift_a_last_use()
    {
        var store = Open();
        store.RecordUse(Id(1));

        foreach (var hours in (int[])[1, -5, 1000, -996])
        {
            Time.StepTo(Time.GetUtcNow().AddHours(hours));
            store.RecordUse(Id(2));
        }

        Time.StepTo(Time.GetUtcNow().AddMilliseconds(999));
        store.RecordUse(Id(2));
        Assert.Equal(SteppingTime.Start, store.Find(Id(1))!.Value.LastUsedAt);
    }

    [Fact]
    public void A_use_recorded_by_a_prune_is_corrected_when_the_clock_is_set()
    {
        var time = new SteppingTime(Boot);
        using (var earlier = Open(time: new SteppingTime(Boot)))
            earlier.RecordUse(Id(1));
        var store = Open(time: time);
        store.Prune([Id(1)]);

        time.StepTo(SteppingTime.Start);
        store.RecordUse(Id(2));

        Assert.Equal(SteppingTime.Start, store.Find(Id(1))!.Value.LastUsedAt);
    }

    [Fact]
    public void A_clock_step_corrects_imported_uses_that_count_as_now_and_no_other_imported_ones()
    {
        File.WriteAllText(PathOf("image_use"),
            $"{Id(1)} {SteppingTime.Start.AddDays(-1).ToUnixTimeSeconds()}\n{Id(2)} 16\n");
        var store = Open();
        store.ImportFlatFile(PathOf("image_use"));

        Time.StepTo(SteppingTime.Start.AddHours(1));
        store.RecordUse(Id(3));

        Assert.Equal(SteppingTime.Start.AddDays(-1), store.Find(Id(1))!.Value.LastUsedAt);
        Assert.Equal(SteppingTime.Start.AddHours(1), store.Find(Id(2))!.Value.LastUsedAt);
    }

    [Fact]
    public void ExplainPrune_uses_corrected_times_and_changes_nothing()
    {
        var time = new SteppingTime(Boot);
        var store = Open(time: time);
        store.RecordUse(Id(1));
        time.StepTo(SteppingTime.Start);

        var verdict = Assert.Single(store.ExplainPrune([]));

        Assert.Equal(new PruneVerdict(new ImageUse(Id(1), SteppingTime.Start), PruneReason.UsedRecently,
            SteppingTime.Start + Week), verdict);
        Assert.Equal(SteppingTime.Start, store.Find(Id(1))!.Value.LastUsedAt);
        Assert.Equal(["1970-01-01T00:00:30Z"],
            Sqlite.Query<string>(DatabasePath, "SELECT last_used_utc FROM image_use_utc"));
    }

    [Fact]
    public void A_use_before_1970_is_shown_as_its_first_second_and_keeps_its_time()
    {
        var time = new SteppingTime(Boot);
        var store = Open(time: time);
        store.RecordUse(Id(1));
        time.Pass(TimeSpan.FromMinutes(1));

        time.StepTo(Boot);
        store.RecordUse(Id(2));

        Assert.Equal(DateTimeOffset.UnixEpoch, store.Find(Id(1))!.Value.LastUsedAt);
        Assert.Equal(Boot, store.Find(Id(2))!.Value.LastUsedAt);
        time.StepTo(SteppingTime.Start);
        store.RecordUse(Id(2));
        Assert.Equal(SteppingTime.Start.AddMinutes(-1), store.Find(Id(1))!.Value.LastUsedAt);
    }
}
