namespace ImageGc.Sqlite.Tests;

public sealed class PruneTests : StoreTest
{
    [Fact]
    public void An_image_expires_exactly_at_the_threshold()
    {
        var store = Open();
        store.RecordUse(Id(1));

        Time.Pass(Week - Second);
        Assert.Empty(store.Prune([]));

        Time.Pass(Second);
        Assert.Equal([new ImageUse(Id(1), SteppingTime.Start)], store.Prune([]));
        Assert.Empty(store.List());
    }

    [Fact]
    public void Prune_keeps_images_that_are_in_use_and_records_them_as_used_now()
    {
        var store = Open();
        store.RecordUse([Id(1), Id(2)]);
        Time.Pass(3 * Second);
        store.RecordUse(Id(2));
        Time.Pass(Week);

        Assert.Empty(store.Prune([Id(1), Id(2)]));

        Assert.All(store.List(), image => Assert.Equal(Time.GetUtcNow(), image.LastUsedAt));
    }

    [Fact]
    public void Prune_records_an_image_in_use_as_used_now_even_if_it_was_used_recently()
    {
        var store = Open();
        store.RecordUse(Id(1));
        Time.Pass(Second);

        store.Prune([Id(1)]);

        Assert.Equal(SteppingTime.Start + Second, store.Find(Id(1))!.Value.LastUsedAt);
    }

    [Fact]
    public void Prune_does_not_track_images_in_use_that_were_never_recorded()
    {
        var store = Open();

        Assert.Empty(store.Prune([Id(1), Id(2)]));

        Assert.Empty(store.List());
    }

    [Fact]
    public void Duplicate_IDs_in_use_count_once()
    {
        var store = Open();
        store.RecordUse([Id(1), Id(2)]);
        Time.Pass(Week);

        Assert.Equal([Id(2)], store.Prune([Id(1), Id(1)]).Select(image => image.ImageId));
    }

    [Theory]
    [InlineData("")]
    [InlineData(" ")]
    [InlineData(null)]
    [InlineData("two words")]
    [InlineData("sha256:0000000000000000000000000000000000000000000000000000000000000002\n")]
    public async Task Text_that_is_not_an_image_ID_is_refused_as_in_use_because_it_would_protect_no_image(string? text)
    {
        var store = Open();
        store.RecordUse([Id(1), Id(2)]);
        Time.Pass(Week);

        foreach (var prune in (Func<Task>[])[
            () => Task.FromResult(store.Prune([Id(1), text!])),
            () => Task.FromResult(store.ExplainPrune([text!])),
            () => store.PruneAsync([text!], (_, _) => Task.CompletedTask)])
        {
            var exception = await Assert.ThrowsAsync<ArgumentException>(prune);
            Assert.Contains("is not an image ID, so it would protect no image", exception.Message,
                StringComparison.Ordinal);
        }

        Assert.Equal(2, store.Count());
        var allowed = store.Prune([Id(1), text!], new PruneOptions { AllowOtherIdForms = true });
        Assert.Equal([Id(2)], allowed.Select(image => image.ImageId));
    }

    [Fact]
    public void Prune_accepts_a_hundred_thousand_IDs_in_use()
    {
        var store = Open();
        store.RecordUse([Id(1), Id(99_999), Id(100_000)]);
        Time.Pass(Week);

        var expired = store.Prune(Enumerable.Range(0, 100_000).Select(Id));

        Assert.Equal([Id(100_000)], expired.Select(image => image.ImageId));
    }

    [Fact]
    public void Expired_images_come_oldest_first_and_then_by_ID()
    {
        var store = Open();
        store.RecordUse([Id(9), Id(3)]);
        Time.Pass(Second);
        store.RecordUse(Id(1));
        Time.Pass(Week);

        Assert.Equal([Id(3), Id(9), Id(1)], store.Prune([]).Select(image => image.ImageId));
    }

    [Fact]
    public void A_threshold_of_zero_expires_every_image_that_is_not_in_use()
    {
        var store = Open(options => options.ImageAgeCleanupThreshold = TimeSpan.Zero);
        store.RecordUse([Id(1), Id(2)]);

        Assert.Equal([Id(2)], store.Prune([Id(1)]).Select(image => image.ImageId));
    }

    [Fact]
    public void A_threshold_given_with_the_call_replaces_the_option()
    {
        var store = Open();
        store.RecordUse(Id(1));
        Time.Pass(TimeSpan.FromHours(1));

        Assert.Empty(store.Prune([], TimeSpan.FromHours(1) + Second));
        Assert.Single(store.Prune([], TimeSpan.FromHours(1)));
    }

    [Fact]
    public void A_fraction_of_a_second_in_the_threshold_rounds_up()
    {
        var store = Open();
        store.RecordUse(Id(1));
        Time.Pass(2 * Second);

        Assert.Empty(store.Prune([], TimeSpan.FromSeconds(2.001)));
    }

    [Fact]
    public void The_longest_threshold_expires_nothing()
    {
        var store = Open();
        store.RecordUse(Id(1));
        Time.Pass(100 * 365 * Day);

        Assert.Empty(store.Prune([], TimeSpan.MaxValue));
        Assert.Equal(DateTimeOffset.MaxValue, Assert.Single(store.ExplainPrune([], TimeSpan.MaxValue)).PrunableAt);
    }

    [Fact]
    public void A_negative_threshold_or_a_null_list_is_refused()
    {
        var store = Open();

        Assert.Throws<ArgumentOutOfRangeException>(() => store.Prune([], -Second));
        Assert.Throws<ArgumentNullException>(() => store.Prune(null!));
        Assert.Throws<ArgumentNullException>(() => store.ExplainPrune(null!));
    }

    [Fact]
    public void ExplainPrune_gives_the_reason_for_every_image_and_changes_nothing()
    {
        var store = Open();
        store.RecordUse([Id(1), Id(2)]);
        Time.Pass(TimeSpan.FromDays(5));
        store.RecordUse(Id(3));
        Time.Pass(TimeSpan.FromDays(2));
        var before = store.List();

        var verdicts = store.ExplainPrune([Id(2)]);

        Assert.Equal(
            [
                new PruneVerdict(before[0], PruneReason.Expired, SteppingTime.Start + Week),
                new PruneVerdict(before[1], PruneReason.InUse, Time.GetUtcNow() + Week),
                new PruneVerdict(before[2], PruneReason.UsedRecently, SteppingTime.Start + TimeSpan.FromDays(12)),
            ],
            verdicts);
        Assert.Equal(before, store.List());
    }

    [Fact]
    public void ExplainPrune_of_an_empty_store_returns_nothing()
    {
        Assert.Empty(Open().ExplainPrune([Id(1)]));
    }

    [Fact]
    public void The_caller_can_use_the_store_while_it_enumerates_the_images_in_use()
    {
        var store = Open();
        store.RecordUse(Id(1));
        Time.Pass(Week);

        IEnumerable<string> InUse()
        {
            store.RecordUse(Id(2));
            yield return Id(2);
        }

        Assert.Equal([Id(1)], store.Prune(InUse()).Select(image => image.ImageId));
    }

    [Fact]
    public void ExplainPrune_shows_the_oldest_use_first_and_then_the_lower_ID()
    {
        var store = Open();
        store.RecordUse([Id(3), Id(2)]);
        Time.Pass(Second);
        store.RecordUse(Id(1));

        Assert.Equal([Id(2), Id(3), Id(1)], store.ExplainPrune([]).Select(verdict => verdict.Image.ImageId));
    }

    [Fact]
    public void Images_in_use_whose_IDs_differ_in_case_are_all_kept()
    {
        var store = Open(options => options.ImageAgeCleanupThreshold = TimeSpan.Zero);
        store.RecordUse(["abc", "ABC", "Abc"]);

        Assert.Equal(["Abc"], store.Prune(["abc", "ABC"]).Select(image => image.ImageId));
    }

    [Fact]
    public void Prune_rewrites_wall_times_before_2015_and_after_now_and_no_others()
    {
        var store = Open();
        var (earliest, now) = (Now.EarliestPlausible / 1000, SteppingTime.Start.ToUnixTimeSeconds());
        long[] stamps = [earliest - 1, earliest, now, now + 2];
        foreach (var stamp in stamps)
            Sqlite.Execute(DatabasePath, $"INSERT INTO image_use VALUES ('{stamp}', 0, {stamp * 1000})");

        Assert.Equal(2, store.Check().ImplausibleTimes);
        store.Prune([], TimeSpan.MaxValue);
        Assert.Equal(0, store.Check().ImplausibleTimes);
        Assert.Equal([now, earliest, now, now],
            stamps.Select(stamp => store.Find($"{stamp}")!.Value.LastUsedAt.ToUnixTimeSeconds()));
    }
}
