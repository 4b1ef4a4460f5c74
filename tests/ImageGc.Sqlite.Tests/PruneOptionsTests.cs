namespace ImageGc.Sqlite.Tests;

/// <summary>The options of a prune, and what it reports while it runs.</summary>
public sealed class PruneOptionsTests : StoreTest, IProgress<PruneOutcome>
{
    private readonly CancellationToken _cancel = TestContext.Current.CancellationToken;
    private readonly List<PruneOutcome> _reported = [];

    void IProgress<PruneOutcome>.Report(PruneOutcome value) => _reported.Add(value);

    [Fact]
    public void Kept_images_stay_and_do_not_count_as_used()
    {
        var store = Recorded(1, 2, 3);
        var keep = new PruneOptions { Keep = Kept(Id(2), Id(3), Id(9), "two words") };

        var verdicts = store.ExplainPrune([Id(3)], keep);
        var pruned = store.Prune([Id(3)], keep);

        Assert.Equal([PruneReason.Expired, PruneReason.Kept, PruneReason.InUse], verdicts.Select(one => one.Reason));
        Assert.Equal([null, "rule 1", null], verdicts.Select(one => one.KeptBy));
        Assert.Equal(Time.GetUtcNow(), verdicts[1].PrunableAt);
        Assert.Equal([Id(1)], pruned.Select(image => image.ImageId));
        Assert.Equal(SteppingTime.Start, store.Find(Id(2))!.Value.LastUsedAt);
        Assert.Equal([Id(2)], store.Prune([Id(3)]).Select(image => image.ImageId));
    }

    private static Dictionary<string, string> Kept(params string[] imageIds) =>
        imageIds.Index().ToDictionary(image => image.Item, image => $"rule {image.Index + 1}");

    [Fact]
    public async Task A_prune_stops_once_enough_is_removed_and_returns_what_is_left()
    {
        var store = Recorded(1, 2, 3);
        var removed = 0;

        var result = await store.PruneAsync([], (_, _) => Task.CompletedTask, new PruneOptions
        {
            Enough = _ => Task.FromResult(removed++ == 2),
            Progress = this,
        }, _cancel);

        Assert.Equal([Id(1), Id(2)], result.Removed.Select(image => image.ImageId));
        Assert.Equal([Id(3)], result.Left.Select(image => image.ImageId));
        Assert.Equal([Id(3)], store.List().Select(image => image.ImageId));
        Assert.Equal(2, _reported.Count);
    }

    [Fact]
    public async Task Progress_reports_each_image_even_if_the_prune_is_cancelled()
    {
        var store = Recorded(1, 2, 3, 4);
        using var cancelled = new CancellationTokenSource();
        Task Remove(ImageUse image, CancellationToken _)
        {
            if (image.ImageId == Id(2))
                store.RecordUse(Id(2));
            if (image.ImageId == Id(3))
                cancelled.Cancel();
            return image.ImageId == Id(1) ? throw new IOException("in use") : Task.CompletedTask;
        }

        await Assert.ThrowsAsync<OperationCanceledException>(() =>
            store.PruneAsync([], Remove, new PruneOptions { Progress = this }, cancelled.Token));

        Assert.Equal(
            [
                (Id(1), RemovalResult.Failed, "in use"),
                (Id(2), RemovalResult.UsedMeanwhile, null),
                (Id(3), RemovalResult.Removed, null),
            ],
            _reported.Select(outcome => (outcome.Image.ImageId, outcome.Result, outcome.Failure?.Message)));
        Assert.Equal([Id(3)], store.ListRemoved().Select(removed => removed.Image.ImageId));
        Assert.Equal((1, 1), (store.LastPrune()!.Removed, store.LastPrune()!.Failed));
    }

    [Fact]
    public async Task Progress_reports_each_removal_even_if_the_database_fails()
    {
        var store = Recorded(1, 2);

        await Assert.ThrowsAsync<ImageUseStoreException>(() => store.PruneAsync([], (image, _) =>
        {
            if (image.ImageId == Id(2))
                Sqlite.Execute(DatabasePath, "DROP TABLE removed_image");
            return Task.CompletedTask;
        }, new PruneOptions { Progress = this }, _cancel));

        Assert.Equal([Id(1)], _reported.Select(outcome => outcome.Image.ImageId));
        Assert.Equal([Id(2)], store.List().Select(image => image.ImageId));
    }

    [Fact]
    public async Task Every_verdict_is_reported_before_the_first_image_is_removed()
    {
        var store = Recorded(1, 2, 3);
        IReadOnlyList<PruneVerdict>? decided = null;
        var options = new PruneOptions { Keep = Kept(Id(2)), Decided = verdicts => decided = verdicts };
        var expected = store.ExplainPrune([Id(3)], options);

        await store.PruneAsync([Id(3)], (_, _) =>
        {
            Assert.Equal(3, decided!.Count);
            return Task.CompletedTask;
        }, options, _cancel);

        Assert.Equal(
            expected.Select(verdict => (verdict.Image.ImageId, verdict.Reason, verdict.PrunableAt)),
            decided!.Select(verdict => (verdict.Image.ImageId, verdict.Reason, verdict.PrunableAt)));
    }

    [Theory]
    [InlineData(PruneKind.Scheduled, "scheduled")]
    [InlineData(PruneKind.DiskPressure, "disk-pressure")]
    [InlineData(PruneKind.Manual, "manual")]
    public void The_history_keeps_why_a_prune_ran(PruneKind kind, string name)
    {
        var store = Recorded(1);

        store.Prune([], new PruneOptions { Kind = kind });

        Assert.Equal(kind, store.LastPrune()!.Kind);
        Assert.Equal(kind, Assert.Single(store.ListRemoved()).Kind);
        Assert.Equal([name], Sqlite.Query<string>(DatabasePath, "SELECT kind FROM removed_image_utc"));
    }

    [Fact]
    public void Invalid_options_are_refused_before_anything_is_decided()
    {
        var store = Recorded(1);

        foreach (var options in (PruneOptions[])[
            new() { Threshold = TimeSpan.FromTicks(-1) }, new() { Kind = PruneKind.Gone },
            new() { Kind = (PruneKind)9 }, new() { Keep = null! }, new() { Parents = null! }])
            Assert.ThrowsAny<ArgumentException>(() => store.Prune([], options));
        Assert.Null(store.LastPrune());
    }

    [Theory]
    [InlineData("nginx:1.25")]
    [InlineData("000000000001")]
    [InlineData("sha256:000000000001")]
    [InlineData("0000000000000000000000000000000000000000000000000000000000000001")]
    [InlineData("sha256:00000000000000000000000000000000000000000000000000000000000000AB")]
    public void An_ID_in_use_in_another_form_than_the_tracked_ones_is_refused_and_changes_nothing(string imageId)
    {
        var store = Recorded(1, 2);
        string[] inUse = [Id(2), imageId];

        foreach (var call in (Action[])[
            () => store.Prune(inUse), () => store.ExplainPrune(inUse),
            () => store.PruneAsync(inUse, (_, _) => Task.CompletedTask).GetAwaiter().GetResult()])
        {
            var refused = Assert.Throws<ArgumentException>(call);
            Assert.Contains($"'{imageId}' has another form", refused.Message, StringComparison.Ordinal);
        }

        Assert.Null(store.LastPrune());
        Assert.Equal([Id(1)],
            store.Prune(inUse, new PruneOptions { AllowOtherIdForms = true }).Select(image => image.ImageId));
    }

    [Fact]
    public void Untracked_names_in_use_are_refused_where_a_digest_is_tracked()
    {
        var store = Open();
        Assert.Empty(store.Prune([Id(1)]));
        store.RecordUse("name");
        Assert.Throws<ArgumentException>(() => store.Prune([Id(1)]));

        store.RecordUse(Id(2));

        Assert.Empty(store.Prune([Id(1), "name"]));
        Assert.Throws<ArgumentException>(() => store.Prune([Id(1), "other"])); // It may be the name of Id(2).
    }

    [Fact]
    public async Task An_image_that_another_process_forgot_during_its_removal_is_in_the_history_once()
    {
        var store = Recorded(1, 2, 3);
        var other = Open();

        var result = await store.PruneAsync([], (image, _) =>
        {
            if (image.ImageId == Id(1))
                other.Forget(Id(1));
            if (image.ImageId == Id(2))
                other.ForgetGone([other.Find(Id(2))!.Value]);
            return Task.CompletedTask;
        }, _cancel);

        Assert.Equal([Id(1), Id(2), Id(3)], result.Removed.Select(image => image.ImageId));
        Assert.Equal([Id(1), Id(2), Id(3)], store.ListRemoved().Select(removed => removed.Image.ImageId).Order());
        Assert.Equal(2, store.LastPrune()!.Removed);
    }

    [Fact]
    public async Task An_image_that_is_removed_twice_in_a_second_is_in_the_history_twice()
    {
        var store = Open();
        for (var times = 1; times <= 2; times++)
        {
            store.RecordUse(Id(1));
            await store.PruneAsync([], (_, _) => Task.CompletedTask, TimeSpan.Zero, _cancel);
        }

        Assert.Equal([Id(1), Id(1)], store.ListRemoved().Select(removed => removed.Image.ImageId));
        Assert.All(store.ListPrunes(), run => Assert.Equal(1, run.Removed));
    }

    /// <summary>Images that were used a week ago, one after the other.</summary>
    private ImageUseStore Recorded(params int[] numbers)
    {
        var store = Open();
        foreach (var number in numbers)
        {
            Time.StepTo(SteppingTime.Start);
            store.RecordUse(Id(number));
        }

        Time.Pass(Week);
        return store;
    }
}
