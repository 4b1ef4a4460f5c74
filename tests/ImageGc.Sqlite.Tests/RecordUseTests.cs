using System.Collections.Concurrent;
using Dapper;

namespace ImageGc.Sqlite.Tests;

public sealed class RecordUseTests : StoreTest
{
    [Fact]
    public void RecordUse_adds_an_image_with_the_time_of_its_use()
    {
        var store = Open();

        store.RecordUse(Id(1));

        Assert.Equal([new ImageUse(Id(1), SteppingTime.Start)], store.List());
    }

    [Fact]
    public void RecordUse_updates_the_last_use_of_a_tracked_image()
    {
        var store = Open();
        store.RecordUse(Id(1));

        Time.Pass(Second);
        store.RecordUse(Id(1));

        Assert.Equal([new ImageUse(Id(1), SteppingTime.Start.AddSeconds(1))], store.List());
    }

    [Fact]
    public void RecordUse_of_many_records_each_of_them_and_accepts_duplicates()
    {
        var store = Open();

        store.RecordUse([Id(2), Id(1), Id(2)]);

        Assert.Equal([new ImageUse(Id(1), SteppingTime.Start), new ImageUse(Id(2), SteppingTime.Start)], store.List());
    }

    [Fact]
    public void RecordUse_of_none_changes_nothing()
    {
        var store = Open();

        store.RecordUse([]);

        Assert.Empty(store.List());
    }

    [Fact]
    public void A_last_use_is_rounded_down_to_whole_seconds()
    {
        var store = Open();
        Time.Pass(TimeSpan.FromMilliseconds(999));

        store.RecordUse(Id(1));

        Assert.Equal(SteppingTime.Start, store.Find(Id(1))!.Value.LastUsedAt);
    }

    [Fact]
    public void A_recorded_use_survives_reopening_the_store()
    {
        using (var store = Open())
            store.RecordUse(Id(1));

        Assert.Equal(new ImageUse(Id(1), SteppingTime.Start), Open().Find(Id(1)));
    }

    [Fact]
    public void Threads_that_record_at_once_lose_no_use()
    {
        var store = Open(options => options.Durability = Durability.Normal);

        Parallel.For(0, 400, new ParallelOptions { MaxDegreeOfParallelism = 8 }, i => store.RecordUse(Id(i)));

        Assert.Equal(Enumerable.Range(0, 400).Select(Id), store.List().Select(image => image.ImageId));
    }

    [Fact]
    public void Threads_that_record_at_once_on_a_locked_database_all_get_Busy()
    {
        var store = Open(options => options.BusyTimeout = TimeSpan.FromMilliseconds(50));
        using var other = Sqlite.Connect(DatabasePath);
        other.Execute("BEGIN IMMEDIATE");
        var reasons = new ConcurrentBag<StoreErrorReason>();

        Parallel.For(0, 8, new ParallelOptions { MaxDegreeOfParallelism = 8 }, i =>
            reasons.Add(Assert.Throws<ImageUseStoreException>(() => store.RecordUse(Id(i))).Reason));
        other.Execute("ROLLBACK");
        store.RecordUse(Id(9));

        Assert.Equal(Enumerable.Repeat(StoreErrorReason.Busy, 8), reasons);
        Assert.Equal([Id(9)], store.List().Select(image => image.ImageId));
    }

    [Fact]
    public void List_shows_the_oldest_use_first_and_then_the_lower_ID()
    {
        var store = Open();
        store.RecordUse([Id(2), Id(3)]);
        Time.Pass(Second);
        store.RecordUse(Id(1));

        Assert.Equal([Id(2), Id(3), Id(1)], store.List().Select(image => image.ImageId));
    }

    [Fact]
    public void Count_returns_how_many_images_are_tracked()
    {
        var store = Open();
        Assert.Equal(0, store.Count());

        store.RecordUse([Id(1), Id(2), Id(1)]);

        Assert.Equal(2, store.Count());
    }

    [Fact]
    public void Find_returns_null_for_an_image_that_is_not_tracked()
    {
        Assert.Null(Open().Find(Id(1)));
    }

    [Fact]
    public void IDs_that_differ_in_case_are_different_images()
    {
        var store = Open();

        store.RecordUse(["abc", "ABC"]);

        Assert.Equal(2, store.List().Count);
    }

    [Fact]
    public void An_image_that_is_gone_is_forgotten_unless_it_was_used_since_it_was_listed()
    {
        var store = Open();
        store.RecordUse([Id(1), Id(2)]);
        var listed = store.List();
        Time.Pass(Second);
        store.RecordUse(Id(2));

        Assert.Equal([listed[0]], store.ForgetGone(listed));
        Assert.Empty(store.ForgetGone(listed));
        Assert.Equal(Id(2), Assert.Single(store.List()).ImageId);
        Assert.Equal([(Id(1), PruneKind.Gone)],
            store.ListRemoved().Select(removed => (removed.Image.ImageId, removed.Kind)));
        Assert.Equal((1, 1), (store.LastPrune(PruneKind.Gone)!.Removed, Sqlite.Query<int>(
            DatabasePath, "SELECT count(*) FROM prune_run")[0]));
        Assert.Null(store.LastPrune());
        Assert.Empty(store.ForgetGone([default]));
    }

    [Fact]
    public void Forget_stops_tracking_and_returns_whether_the_image_was_tracked()
    {
        var store = Open();
        store.RecordUse([Id(1), Id(2)]);

        Assert.True(store.Forget(Id(1)));
        Assert.False(store.Forget(Id(1)));

        Assert.Equal([Id(2)], store.List().Select(image => image.ImageId));
    }

    [Fact]
    public void A_use_can_be_recorded_by_a_clock_before_1970()
    {
        var time = new SteppingTime(new DateTimeOffset(1960, 1, 1, 0, 0, 0, TimeSpan.Zero));
        var store = Open(time: time);

        store.RecordUse(Id(1));

        Assert.Equal(DateTimeOffset.UnixEpoch, store.Find(Id(1))!.Value.LastUsedAt);
    }

    [Fact]
    public void A_disposed_store_throws_ObjectDisposedException_and_can_be_disposed_again()
    {
        var store = Open();
        store.Dispose();
        store.Dispose();

        var exception = Assert.Throws<ObjectDisposedException>(() => store.RecordUse(Id(1)));
        Assert.Equal(typeof(ImageUseStore).FullName, exception.ObjectName);
        Assert.Throws<ObjectDisposedException>(() => store.List());
    }

    [Fact]
    public void A_use_now_replaces_a_later_one_by_a_clock_that_was_ahead()
    {
        using (var ahead = Open(time: new SteppingTime(SteppingTime.Start.AddYears(1))))
            ahead.RecordUse([Id(1), Id(2)]);
        var store = Open();

        store.RecordUse(Id(1));
        store.RecordUse([Id(2)]);

        Assert.All(store.List(), image => Assert.Equal(SteppingTime.Start, image.LastUsedAt));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(-1)]
    public void An_image_that_another_process_used_since_it_was_listed_is_not_forgotten_whatever_its_clock(
        int hoursAhead)
    {
        var store = Open();
        store.RecordUse(Id(1));
        var listed = store.List();
        Open(time: new SteppingTime(SteppingTime.Start.AddHours(hoursAhead))).RecordUse(Id(1));

        Assert.Empty(store.ForgetGone(listed));
        Assert.Single(store.List());
    }
}
