namespace ImageGc.Sqlite.Tests;

public sealed class SuddenStepTests : StoreTest
{
    [Fact]
    public void A_clock_set_during_a_prune_removes_no_image_early()
    {
        var time = new SuddenStep();
        using var store = ImageUseStore.Open(new ImageUseStoreOptions { DatabasePath = DatabasePath }, time);
        store.RecordUse(Id(1));

        time.StepsAfter = 1;

        Assert.Empty(store.Prune([]));
        Assert.Empty(store.Prune([]));
        Assert.Single(store.List());
    }

    [Fact]
    public void A_use_that_was_not_stored_does_not_keep_the_earlier_one_from_being_corrected()
    {
        var store = Open();
        store.RecordUse(Id(1));
        Time.Pass(TimeSpan.FromHours(1));
        Sqlite.Execute(DatabasePath, $"""
            CREATE TRIGGER refuse BEFORE INSERT ON image_use
            WHEN new.image_id = '{Id(2)}'
            BEGIN SELECT RAISE(ABORT, 'refused'); END
            """);
        Assert.Throws<ImageUseStoreException>(() => store.RecordUse([Id(1), Id(2)]));
        store.RecordUse(Id(3));

        Time.StepTo(SteppingTime.Start.AddYears(1));
        store.RecordUse(Id(3));

        Assert.Equal(SteppingTime.Start.AddYears(1).AddHours(-1), store.Find(Id(1))!.Value.LastUsedAt);
    }

    /// <summary>A clock that is set forward by a year after it was read a number of times.</summary>
    private sealed class SuddenStep : TimeProvider
    {
        public int StepsAfter { get; set; } = int.MaxValue;

        public override DateTimeOffset GetUtcNow() =>
            StepsAfter-- > 0 ? SteppingTime.Start : SteppingTime.Start.AddYears(1);

        public override long GetTimestamp() => 0;
    }
}
