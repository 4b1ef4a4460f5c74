namespace ImageGc.Sqlite.Tests;

public sealed class SuddenStepTests : StoreTest
{
    [Fact]
    public void A_clock_set_in_the_middle_of_a_prune_makes_no_image_old()
    {
        var time = new SuddenStep();
        using var store = ImageUseStore.Open(new ImageUseStoreOptions { DatabasePath = DatabasePath }, time);
        store.RecordUse(Id(1));

        time.StepsAfter = 1;

        Assert.Empty(store.Prune([]));
        Assert.Empty(store.Prune([]));
        Assert.Single(store.List());
    }

    /// <summary>Somebody sets the clock forward by a year after it was asked so often.</summary>
    private sealed class SuddenStep : TimeProvider
    {
        public int StepsAfter { get; set; } = int.MaxValue;

        public override DateTimeOffset GetUtcNow() => StepsAfter-- > 0 ? SteppingTime.Start : SteppingTime.Start.AddYears(1);

        public override long GetTimestamp() => 0;
    }
}
