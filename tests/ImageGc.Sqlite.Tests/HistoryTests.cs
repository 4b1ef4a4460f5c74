namespace ImageGc.Sqlite.Tests;

public sealed class HistoryTests : StoreTest
{
    private readonly CancellationToken _cancel = TestContext.Current.CancellationToken;

    [Fact]
    public void The_history_is_empty_before_the_first_prune()
    {
        var store = Open();

        Assert.Null(store.LastPrune());
        Assert.Empty(store.ListPrunes());
        Assert.Empty(store.ListRemoved());
    }

    [Fact]
    public void Prune_writes_itself_and_each_removed_image_to_the_history()
    {
        var store = Open();
        store.RecordUse([Id(1), Id(2)]);
        Time.Pass(Week);

        store.Prune([Id(2)]);

        Assert.Equal(new PruneRun(Time.GetUtcNow(), Week, Tracked: 2, Removed: 1, Failed: 0, PruneKind.Scheduled),
            store.LastPrune());
        Assert.Equal(
            [new RemovedImage(new ImageUse(Id(1), SteppingTime.Start), Time.GetUtcNow(), Week, PruneKind.Scheduled)],
            store.ListRemoved());
    }

    [Fact]
    public async Task PruneAsync_counts_removals_and_failures_and_stores_when_each_image_was_removed()
    {
        var store = Open();
        store.RecordUse([Id(1), Id(2), Id(3)]);
        Time.Pass(Week);
        var decided = Time.GetUtcNow();

        await store.PruneAsync([], (image, _) =>
        {
            Time.Pass(TimeSpan.FromMinutes(1));
            return image.ImageId == Id(2) ? throw new IOException("in use") : Task.CompletedTask;
        }, _cancel);

        Assert.Equal(new PruneRun(decided, Week, Tracked: 3, Removed: 2, Failed: 1, PruneKind.Scheduled),
            store.LastPrune());
        Assert.Equal(
            [(Id(1), decided.AddMinutes(1)), (Id(3), decided.AddMinutes(3))],
            store.ListRemoved().Select(removed => (removed.Image.ImageId, removed.RemovedAt)));
    }

    [Fact]
    public async Task Freed_bytes_are_stored_with_their_source_and_summed_up()
    {
        var store = Open();
        store.RecordUse([Id(1), Id(2), Id(3), Id(4)]);
        Time.Pass(Week);
        var freed = new Dictionary<string, FreedSpace>
        {
            [Id(1)] = new(7, FreedBy.Engine),
            [Id(2)] = new(30, FreedBy.Disk),
            [Id(4)] = new(500, FreedBy.Disk),
        };

        await store.PruneAsync(
            [],
            (image, _) =>
            {
                if (image.ImageId == Id(4))
                    store.RecordUse(Id(4)); // It stays tracked, so it is not in the history.
                return Task.CompletedTask;
            },
            new PruneOptions { Freed = image => freed.GetValueOrDefault(image.ImageId) },
            _cancel);

        Assert.Equal(
            [(Id(1), freed[Id(1)]), (Id(2), freed[Id(2)]), (Id(3), null)],
            store.ListRemoved().Select(removed => (removed.Image.ImageId, removed.Freed)));
        Assert.Equal(37, store.LastPrune()!.FreedBytes);
        Assert.Equal(
            ["7|engine", "30|disk", "|"],
            Sqlite.Query<string>(
                DatabasePath, "SELECT ifnull(freed_bytes, '') || '|' || ifnull(freed_by, '') FROM removed_image_utc"));
    }

    [Fact]
    public void An_image_can_be_removed_more_than_once()
    {
        var store = Open(options => options.ImageAgeCleanupThreshold = TimeSpan.Zero);
        for (var time = 0; time < 2; time++)
        {
            store.RecordUse([Id(1), Id(2)]);
            store.Prune([]);
        }

        Assert.Equal([Id(1), Id(2), Id(1), Id(2)], store.ListRemoved().Select(removed => removed.Image.ImageId));
    }

    [Fact]
    public void History_is_kept_for_ninety_days()
    {
        var store = Open(options => options.ImageAgeCleanupThreshold = TimeSpan.Zero);
        store.RecordUse(Id(1));
        store.Prune([]);
        store.Prune([]);

        Time.Pass(TimeSpan.FromDays(90));
        FillHistory(store);
        Assert.Equal(ImageUseStore.HistoryRuns + 2, store.ListPrunes().Count);
        Assert.Single(store.ListRemoved());

        Time.Pass(Second);
        store.Prune([]);
        Assert.Equal(ImageUseStore.HistoryRuns + 1, store.ListPrunes().Count);
        Assert.Empty(store.ListRemoved());
    }

    [Fact]
    public void A_clock_that_is_years_ahead_does_not_empty_the_history()
    {
        var store = Open(options => options.ImageAgeCleanupThreshold = TimeSpan.Zero);
        store.RecordUse(Id(1));
        store.Prune([]);
        FillHistory(store, 1);

        Time.StepTo(SteppingTime.Start.AddYears(14));
        store.Prune([]);

        Assert.Equal(ImageUseStore.HistoryRuns + 1, store.ListPrunes().Count);
        Assert.Single(store.ListRemoved());
        store.Prune([]);
        Assert.Empty(store.ListRemoved());
    }

    /// <summary>Runs as many prunes as the history keeps whatever their age.</summary>
    private static void FillHistory(ImageUseStore store, int butFor = 0)
    {
        for (var run = butFor; run < ImageUseStore.HistoryRuns; run++)
            store.Prune([]);
    }

    [Fact]
    public void Images_that_were_found_gone_do_not_shorten_the_history_of_the_prunes()
    {
        var store = Open(options => options.ImageAgeCleanupThreshold = TimeSpan.Zero);
        store.RecordUse(Id(1));
        store.Prune([]);
        store.Prune([]);
        Time.Pass(TimeSpan.FromDays(91));
        for (var times = 0; times < ImageUseStore.HistoryRuns; times++)
        {
            store.RecordUse(Id(2));
            store.ForgetGone(store.List());
        }

        store.Prune([]);

        Assert.Equal(3, store.ListPrunes().Count);
        Assert.Equal(Id(1), store.ListRemoved()[^1].Image.ImageId);
    }

    [Fact]
    public void The_last_prune_of_each_kind_is_kept_however_old()
    {
        var store = Open();
        store.Prune([]);
        var scheduled = store.LastPrune();
        Time.Pass(TimeSpan.FromDays(400));
        for (var times = 0; times <= ImageUseStore.HistoryRuns; times++)
            store.Prune([], new PruneOptions { Kind = PruneKind.DiskPressure });

        Assert.Equal(scheduled, store.LastPrune(PruneKind.Scheduled));
        Assert.Equal(PruneKind.DiskPressure, store.LastPrune()?.Kind);
        Assert.Null(store.LastPrune(PruneKind.Manual));
    }

    [Fact]
    public void The_longest_threshold_is_stored_in_the_history()
    {
        var store = Open();
        store.RecordUse(Id(1));

        Assert.Empty(store.Prune([], TimeSpan.MaxValue));

        Assert.Equal(TimeSpan.FromSeconds((long)TimeSpan.MaxValue.TotalSeconds), store.LastPrune()!.Threshold);
        Assert.Equal(DateTimeOffset.MaxValue, Assert.Single(store.ExplainPrune([], TimeSpan.MaxValue)).PrunableAt);
    }

    [Theory]
    [InlineData(long.MinValue)]
    [InlineData(long.MaxValue)]
    public void The_history_can_be_read_even_if_it_contains_damaged_numbers(long number)
    {
        var store = Open();
        store.RecordUse(Id(1));
        store.Prune([], TimeSpan.Zero);
        Sqlite.Execute(DatabasePath, $"""
            UPDATE prune_run SET pruned_at = {number}, threshold_seconds = {number};
            UPDATE removed_image SET last_used_at = {number}, removed_at = {number};
            """);

        Assert.Equal(store.ListPrunes(), [store.LastPrune()!]);
        Assert.Equal(Id(1), Assert.Single(store.ListRemoved()).Image.ImageId);
    }

    [Fact]
    public void The_views_show_when_and_why_an_image_was_removed()
    {
        var store = Open();
        store.RecordUse(Id(1));
        Time.Pass(TimeSpan.FromDays(9));
        store.Prune([]);

        Assert.Equal(
            [("2026-03-10T12:00:00Z", "2026-03-01T12:00:00Z", 9.0, 7.0)],
            Sqlite.Query<(string, string, double, double)>(DatabasePath,
                "SELECT removed_utc, last_used_utc, unused_days, threshold_days "
                + $"FROM removed_image_utc WHERE image_id = '{Id(1)}'"));
        Assert.Equal(
            [("2026-03-10T12:00:00Z", 7.0, 1, 1, 0)],
            Sqlite.Query<(string, double, int, int, int)>(DatabasePath,
                "SELECT pruned_utc, threshold_days, tracked, removed, failed FROM prune_run_utc"));
    }

    [Fact]
    public async Task Every_prune_counts_its_own_removals_and_failures()
    {
        var store = Open();
        store.RecordUse([Id(1), Id(2), Id(3), Id(4)]);
        Time.Pass(Week);
        await store.PruneAsync([Id(4)], FailBut(Id(1)), TestContext.Current.CancellationToken);
        Time.Pass(Second);
        store.Prune([Id(3), Id(4)]);
        Time.Pass(Week);
        store.Prune([]);
        store.RecordUse([Id(5), Id(6)]);
        Time.Pass(Week);
        await store.PruneAsync([], FailBut(Id(6)), TestContext.Current.CancellationToken);

        Assert.Equal([(2, 1, 1), (2, 2, 0), (3, 1, 0), (4, 1, 2)],
            store.ListPrunes().Select(run => (run.Tracked, run.Removed, run.Failed)));
        Assert.Equal(new ImageUse(Id(1), SteppingTime.Start), store.ListRemoved()[^1].Image);

        static Func<ImageUse, CancellationToken, Task> FailBut(string imageId) => (image, _) =>
            image.ImageId == imageId ? Task.CompletedTask : throw new IOException("in use");
    }

    [Fact]
    public void The_last_prune_is_the_last_one_even_if_the_clock_was_set_back_before_it()
    {
        var store = Open();
        store.Prune([]);

        Time.StepTo(SteppingTime.Start.AddDays(-1));
        store.Prune([]);

        Assert.Equal(SteppingTime.Start.AddDays(-1), store.LastPrune()?.PrunedAt);
        Assert.Equal([SteppingTime.Start.AddDays(-1), SteppingTime.Start],
            store.ListPrunes().Select(run => run.PrunedAt));
    }

    [Fact]
    public void Removed_images_are_listed_newest_prune_first_and_in_each_the_oldest_use_first()
    {
        var store = Open();
        store.RecordUse([Id(3), Id(2)]);
        Time.Pass(Second);
        store.RecordUse(Id(1));
        Time.Pass(Week);
        store.Prune([]);
        store.RecordUse(Id(4));
        Time.Pass(Week);
        store.Prune([]);

        Assert.Equal([Id(4), Id(2), Id(3), Id(1)], store.ListRemoved().Select(removed => removed.Image.ImageId));
        Assert.Equal([Id(4), Id(2), Id(3), Id(1)],
            Sqlite.Query<string>(DatabasePath, "SELECT image_id FROM removed_image_utc"));
        Assert.Equal([2, 1], Sqlite.Query<int>(DatabasePath, "SELECT prune_run_id FROM prune_run_utc"));
    }
}
