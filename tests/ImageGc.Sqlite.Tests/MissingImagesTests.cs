namespace ImageGc.Sqlite.Tests;

/// <summary>When an image that the engine does not list is forgotten.</summary>
public sealed class MissingImagesTests : StoreTest
{
    [Fact]
    public void An_image_missing_on_two_days_is_forgotten_and_is_in_the_history_as_gone()
    {
        var store = Open();
        store.RecordUse([Id(1), Id(2)]);

        Assert.Empty(store.ForgetMissing([Id(2)]));
        Time.Pass(Day);
        var forgotten = store.ForgetMissing([Id(2)]);

        Assert.Equal([Id(1)], forgotten.Select(image => image.ImageId));
        Assert.Equal([Id(2)], store.List().Select(image => image.ImageId));
        var removed = Assert.Single(store.ListRemoved());
        Assert.Equal((Id(1), PruneKind.Gone), (removed.Image.ImageId, removed.Kind));
        Assert.Empty(Sqlite.Query<string>(DatabasePath, "SELECT image_id FROM missing_image"));
    }

    [Fact]
    public void Empty_lists_within_12_hours_forget_no_image()
    {
        Time.Pass(TimeSpan.FromHours(6)); // So that the 12 hours cross midnight.
        var store = Open();
        store.RecordUse([Id(1), Id(2)]);

        for (var times = 0; times < 12; times++)
        {
            Assert.Empty(store.ForgetMissing([]));
            Time.Pass(TimeSpan.FromMinutes(59));
        }

        Assert.Empty(store.ForgetMissing([Id(1), Id(2)]));
        Time.Pass(Day);
        Assert.Empty(store.ForgetMissing([]));

        Assert.Equal(2, store.Count());
        Assert.Empty(store.ListRemoved());
        Assert.Null(store.LastPrune(PruneKind.Gone));
    }

    [Fact]
    public void An_image_used_since_it_was_missing_counts_as_missing_for_the_first_time()
    {
        var store = Open();
        store.RecordUse(Id(1));
        store.ForgetMissing([]);
        store.RecordUse(Id(1));
        Time.Pass(Day);

        Assert.Empty(store.ForgetMissing([]));
        Time.Pass(Day);
        Assert.Single(store.ForgetMissing([]));
    }

    [Fact]
    public void Setting_the_clock_by_days_neither_hastens_nor_delays_forgetting()
    {
        var store = Open();
        store.RecordUse(Id(1));
        store.ForgetMissing([]);
        foreach (var days in (int[])[9, -900])
        {
            Time.StepTo(SteppingTime.Start + TimeSpan.FromDays(days));
            Assert.Empty(store.ForgetMissing([]));
        }

        Time.Pass(Day);
        Assert.Single(store.ForgetMissing([]));
    }

    [Fact]
    public void Listed_images_stay_tracked_and_untracked_or_malformed_IDs_are_ignored()
    {
        var store = Open();
        store.RecordUse(Id(1));

        for (var day = 0; day < 3; day++)
        {
            Assert.Empty(store.ForgetMissing([Id(1), Id(1), "two words", Id(9)]));
            Time.Pass(Day);
        }

        Assert.Equal(Id(1), Assert.Single(store.List()).ImageId);
        Assert.Throws<ArgumentNullException>(() => store.ForgetMissing(null!));
    }

    [Fact]
    public void An_image_that_is_missing_is_forgotten_after_12_hours_however_often_that_is_noticed()
    {
        var store = Open();
        store.RecordUse(Id(1));
        for (var hour = 0; hour < 12; hour++)
        {
            Assert.Empty(store.ForgetMissing([]));
            Time.Pass(TimeSpan.FromHours(1));
        }

        Assert.Single(store.ForgetMissing([]));
    }

    [Fact]
    public void An_image_that_was_missing_a_day_ago_and_is_listed_again_stays()
    {
        var store = Open();
        store.RecordUse(Id(1));
        store.ForgetMissing([]);
        Time.Pass(Day);

        Assert.Empty(store.ForgetMissing([Id(1)]));

        Assert.NotNull(store.Find(Id(1)));
    }
}
