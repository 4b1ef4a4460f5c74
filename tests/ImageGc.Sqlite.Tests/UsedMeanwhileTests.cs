namespace ImageGc.Sqlite.Tests;

/// <summary>A use during a prune keeps its image, and nothing else does.</summary>
public sealed class UsedMeanwhileTests : StoreTest
{
    private readonly CancellationToken _cancel = TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_image_recorded_while_an_earlier_one_is_removed_is_not_removed()
    {
        var store = Open();
        store.RecordUse(Id(1));
        Time.Pass(Second);
        store.RecordUse(Id(2));
        Time.Pass(Week);

        var result = await store.PruneAsync([], (image, _) =>
        {
            Assert.Equal(Id(1), image.ImageId);
            store.RecordUse(Id(2));
            return Task.CompletedTask;
        }, _cancel);

        Assert.Equal([Id(1)], result.Removed.Select(image => image.ImageId));
        Assert.Equal([Id(2)], result.UsedMeanwhile.Select(image => image.ImageId));
        Assert.NotNull(store.Find(Id(2)));
    }

    [Fact]
    public async Task An_image_that_another_process_used_before_the_prune_is_removed_once_it_expires()
    {
        var store = Open();
        store.RecordUse(Id(1));
        Time.Pass(Second);
        Open().RecordUse(Id(1));
        Time.Pass(Week);

        var result = await store.PruneAsync([], (_, _) => Task.CompletedTask, _cancel);

        Assert.Equal([Id(1)], result.Removed.Select(image => image.ImageId));
    }

    [Fact]
    public async Task An_image_recorded_during_its_own_removal_stays_tracked()
    {
        var store = Open();
        store.RecordUse(Id(1));
        Time.Pass(Week);

        var result = await store.PruneAsync([], (image, _) =>
        {
            store.RecordUse(image.ImageId);
            return Task.CompletedTask;
        }, _cancel);

        Assert.Equal([Id(1)], result.UsedMeanwhile.Select(image => image.ImageId));
        Assert.Empty(result.Removed);
        Assert.Equal(Time.GetUtcNow(), store.Find(Id(1))!.Value.LastUsedAt);
        Assert.Empty(store.ListRemoved());
    }

    [Fact]
    public async Task Images_that_another_process_records_in_the_second_of_their_removal_stay_tracked()
    {
        var store = Open(time: TimeProvider.System); // The other process uses it too.
        using var other = new OtherProcess();
        List<string> images = [.. Enumerable.Range(1, 8).Select(Id)];
        store.RecordUse(images);

        var result = await store.PruneAsync([], (image, _) =>
        {
            Assert.Equal("ok", other.Ask("record", DatabasePath, image.ImageId));
            return Task.CompletedTask;
        }, TimeSpan.Zero, _cancel);

        Assert.Equal(images, result.UsedMeanwhile.Select(image => image.ImageId));
        Assert.Equal(images, store.List().Select(image => image.ImageId));
        Assert.Empty(store.ListRemoved());
    }

    [Fact]
    public async Task A_use_in_the_same_second_as_the_decision_is_noticed()
    {
        var store = Open();
        store.RecordUse([Id(1), Id(2)]);

        var result = await store.PruneAsync([], (_, _) =>
        {
            store.RecordUse([Id(1), Id(2)]);
            return Task.CompletedTask;
        }, TimeSpan.Zero, _cancel);

        Assert.Equal([Id(1), Id(2)], result.UsedMeanwhile.Select(image => image.ImageId));
        Assert.Equal(2, store.List().Count);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(-1)]
    public async Task An_image_that_another_process_records_meanwhile_is_not_removed_whatever_its_clock(int hoursAhead)
    {
        var store = Open();
        var other = Open(time: new SteppingTime(SteppingTime.Start.AddHours(hoursAhead)));
        store.RecordUse([Id(1), Id(2), Id(3)]);
        Time.Pass(Week);
        var asked = new List<string>();

        var result = await store.PruneAsync([], (image, _) =>
        {
            asked.Add(image.ImageId);
            if (image.ImageId == Id(1))
                other.RecordUse(Id(2));
            return Task.CompletedTask;
        }, _cancel);

        Assert.Equal([Id(1), Id(3)], asked);
        Assert.Equal([Id(2)], result.UsedMeanwhile.Select(image => image.ImageId));
    }

    [Fact]
    public async Task An_import_that_changes_nothing_during_a_prune_does_not_count_as_a_use()
    {
        var store = Open();
        store.RecordUse([Id(1), Id(2), Id(3)]);
        Time.Pass(Week);
        File.WriteAllText(PathOf("image_use"), $"{Id(2)} {SteppingTime.Start.ToUnixTimeSeconds() - 1}\n{Id(3)} 16\n");

        var result = await store.PruneAsync([], (_, _) =>
        {
            Assert.Equal(0, store.ImportFlatFile(PathOf("image_use")).Changed);
            File.WriteAllText(PathOf("image_use"), "");
            return Task.CompletedTask;
        }, _cancel);

        Assert.Equal([Id(1), Id(2), Id(3)], result.Removed.Select(image => image.ImageId));
    }
}
