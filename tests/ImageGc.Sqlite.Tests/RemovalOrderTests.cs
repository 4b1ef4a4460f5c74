using Microsoft.Extensions.Logging;

namespace ImageGc.Sqlite.Tests;

/// <summary>The order in which images are offered for removal.</summary>
public sealed class RemovalOrderTests : StoreTest
{
    private readonly CancellationToken _cancel = TestContext.Current.CancellationToken;

    [Fact]
    public async Task Parents_are_removed_after_their_children_and_the_rest_stays_in_order()
    {
        var store = RecordedOneByOne(6);
        var options = new PruneOptions
        {
            Threshold = TimeSpan.Zero,
            Parents = new Dictionary<string, string> { [Id(5)] = Id(3), [Id(3)] = Id(1), [Id(4)] = Id(1) },
        };

        Assert.Equal([Id(2), Id(4), Id(5), Id(3), Id(1), Id(6)], await OrderAsync(store, options));
    }

    [Fact]
    public async Task Circular_parents_do_not_stop_a_prune()
    {
        var store = RecordedOneByOne(3);
        var options = new PruneOptions
        {
            Threshold = TimeSpan.Zero,
            Parents = new Dictionary<string, string> { [Id(1)] = Id(2), [Id(2)] = Id(1), [Id(3)] = Id(3) },
        };

        Assert.Equal([Id(1), Id(2), Id(3)], (await OrderAsync(store, options)).Order());
    }

    [Fact]
    public async Task A_chain_of_parents_is_removed_in_one_prune()
    {
        const int length = 50;
        var store = RecordedOneByOne(length);
        var options = new PruneOptions
        {
            Threshold = TimeSpan.Zero,
            Parents = Enumerable.Range(2, length - 1).ToDictionary(Id, child => Id(child - 1)),
        };

        Assert.Equal(Enumerable.Range(1, length).Reverse().Select(Id), await OrderAsync(store, options));
    }

    [Fact]
    public async Task A_failed_removal_is_tried_last_until_the_image_is_used_again()
    {
        var store = RecordedOneByOne(3);
        var options = new PruneOptions { Threshold = TimeSpan.Zero };
        await store.PruneAsync([], (_, _) => throw new IOException("no"), WithEnough(after: 1), _cancel);

        Assert.Equal([Id(1)], store.ListFailedRemovals().Select(image => image.ImageId));

        Assert.Equal([Id(2), Id(3), Id(1)], await OrderAsync(store, options));
        Assert.Empty(store.ListFailedRemovals()); // OrderAsync has recorded a use of it.
        Assert.Equal([Id(1)], Sqlite.Query<string>(DatabasePath, "SELECT image_id FROM failed_removal"));

        store.RecordUse(Id(1));
        store.RecordUse(Id(2));
        Assert.Equal([Id(3), Id(1), Id(2)], await OrderAsync(store, options, remove: true));
        Assert.Empty(Sqlite.Query<string>(DatabasePath, "SELECT image_id FROM failed_removal"));
    }

    [Fact]
    public async Task The_parent_of_an_image_whose_removal_failed_is_tried_after_it()
    {
        var store = RecordedOneByOne(3);
        var parents = new Dictionary<string, string> { [Id(1)] = Id(3) };
        await store.PruneAsync([], (_, _) => throw new IOException("no"), WithEnough(after: 1), _cancel);

        var options = new PruneOptions { Threshold = TimeSpan.Zero, Parents = parents };
        Assert.Equal([Id(2), Id(1), Id(3)], await OrderAsync(store, options));
    }

    [Fact]
    public async Task A_failed_removal_is_one_warning_and_its_exception_is_logged_at_Debug()
    {
        using var log = new RecordingLog();
        using var store = ImageUseStore.Open(new ImageUseStoreOptions { DatabasePath = DatabasePath }, Time, log);
        store.RecordUse(Id(1));
        var failure = new IOException("It is in use.");

        await store.PruneAsync([], (_, _) => throw failure, TimeSpan.Zero, _cancel);

        Assert.Equal(
            [
                $"Could not remove {Id(1)} (without a name): It is in use. It stays tracked, and the next prune tries "
                + "it last",
            ],
            log.Messages(LogLevel.Warning));
        Assert.Empty(log.Exceptions(LogLevel.Warning));
        Assert.Same(failure, Assert.Single(log.Exceptions(LogLevel.Debug)));
    }

    private static PruneOptions WithEnough(int after)
    {
        var settled = 0;
        return new PruneOptions { Threshold = TimeSpan.Zero, Enough = _ => Task.FromResult(settled++ == after) };
    }

    private ImageUseStore RecordedOneByOne(int images)
    {
        var store = Open();
        for (var number = 1; number <= images; number++)
        {
            store.RecordUse(Id(number));
            Time.Pass(TimeSpan.FromMinutes(1));
        }

        return store;
    }

    /// <summary>The images in the order in which they are offered. Unless removed, each counts as used.</summary>
    private async Task<List<string>> OrderAsync(ImageUseStore store, PruneOptions options, bool remove = false)
    {
        List<string> offered = [];
        await store.PruneAsync([], (image, _) =>
        {
            offered.Add(image.ImageId);
            if (!remove)
                store.RecordUse(image.ImageId);
            return Task.CompletedTask;
        }, options, _cancel);
        return offered;
    }
}
