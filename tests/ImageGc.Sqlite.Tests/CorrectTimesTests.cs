namespace ImageGc.Sqlite.Tests;

/// <summary>If the clock is set while a store is open, the times of its own uses are corrected, no others.</summary>
public sealed class CorrectTimesTests : StoreTest
{
    [Fact]
    public void Closing_a_store_corrects_its_times_if_the_clock_was_set()
    {
        var store = Open();
        store.RecordUse(Id(1));
        Time.Pass(TimeSpan.FromMinutes(1));
        Time.StepTo(Time.GetUtcNow().AddDays(30));

        store.Dispose();

        Assert.Equal(Time.GetUtcNow().AddMinutes(-1), Open().Find(Id(1))!.Value.LastUsedAt);
    }

    [Fact]
    public void Corrected_times_keep_another_process_from_removing_an_image_early()
    {
        var store = Open();
        store.RecordUse(Id(1));
        Time.StepTo(Time.GetUtcNow().AddDays(30));

        store.CorrectTimes();

        Assert.Empty(Open().Prune([]));
    }

    [Fact]
    public void CorrectTimes_writes_nothing_if_the_clock_was_not_set()
    {
        var store = Open();
        store.RecordUse(Id(1));
        using var locked = Sqlite.Connect(DatabasePath);
        using var transaction = locked.BeginTransaction();
        Time.Pass(Day);

        store.CorrectTimes();

        Assert.Equal(SteppingTime.Start, store.Find(Id(1))!.Value.LastUsedAt);
    }

    [Fact]
    public void A_store_closes_even_if_it_cannot_correct_its_times()
    {
        var store = Open(options => options.BusyTimeout = TimeSpan.Zero);
        store.RecordUse(Id(1));
        Time.StepTo(Time.GetUtcNow().AddDays(30));
        using (var locked = Sqlite.Connect(DatabasePath))
        using (locked.BeginTransaction())
            store.Dispose();

        Assert.Throws<ObjectDisposedException>(() => store.List());
        Assert.Equal(SteppingTime.Start, Open().Find(Id(1))!.Value.LastUsedAt);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(100 * 24 * 60 * 60)]
    [InlineData(-3 * 24 * 60 * 60)]
    public async Task Images_are_forgotten_even_if_the_clock_is_set_between_their_removals(int seconds)
    {
        using (var earlier = Open())
            earlier.RecordUse(Id(1));
        var store = Open();
        store.RecordUse([Id(2), Id(3)]);
        Time.Pass(Week);

        var result = await store.PruneAsync([], (image, _) =>
        {
            if (image.ImageId == Id(2))
                Time.StepTo(Time.GetUtcNow().AddSeconds(seconds));
            return Task.CompletedTask;
        }, TestContext.Current.CancellationToken);

        Assert.Equal([Id(1), Id(2), Id(3)], result.Removed.Select(image => image.ImageId));
        Assert.Empty(store.List());
    }

    [Fact]
    public void The_times_of_salvaged_images_are_corrected_when_the_clock_is_set()
    {
        using (var damaged = Open())
            damaged.RecordUse(Id(1));
        using (var file = File.OpenWrite(DatabasePath))
            file.Write(new byte[16]);
        var store = Open();

        Time.StepTo(Time.GetUtcNow().AddDays(30));

        Assert.NotNull(store.Check().Salvaged);
        Assert.Empty(store.Prune([]));
        Assert.Equal(Time.GetUtcNow(), store.Find(Id(1))!.Value.LastUsedAt);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(-2)]
    public void A_later_use_by_another_process_is_not_corrected_whatever_its_clock(int hoursAhead)
    {
        var store = Open();
        store.RecordUse(Id(1));
        Open(time: new SteppingTime(SteppingTime.Start.AddHours(hoursAhead))).RecordUse(Id(1));

        Time.StepTo(SteppingTime.Start.AddHours(3));
        store.RecordUse(Id(2));

        Assert.Equal(SteppingTime.Start.AddHours(hoursAhead), store.Find(Id(1))!.Value.LastUsedAt);
    }
}
