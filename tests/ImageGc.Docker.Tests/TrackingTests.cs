using ImageGc.Sqlite;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace ImageGc.Docker.Tests;

/// <summary>Recording by watching a real engine, for a host that does not record itself.</summary>
public sealed class TrackingTests(PrivateEngine engine) : EngineTest(engine)
{
    [Fact]
    public async Task The_images_of_containers_that_exist_at_the_start_are_recorded_and_others_are_not()
    {
        var (used, unused) = (await CreateImageAsync(), await CreateImageAsync());
        await CreateContainerAsync(used);

        await using var watching = await WatchAsync();

        Assert.Contains(used, watching.Tracked);
        Assert.DoesNotContain(unused, watching.Tracked);
    }

    [Fact]
    public async Task The_image_of_a_container_is_recorded_when_it_is_created_and_when_it_is_removed()
    {
        var image = await CreateImageAsync();
        await using var watching = await WatchAsync();

        var container = await CreateContainerAsync(image);
        await UntilAsync(() => watching.Tracked.Contains(image));
        Time.Pass(TimeSpan.FromMinutes(30));
        await RemoveContainerAsync(container);

        await UntilAsync(() => watching.Store.Find(image)!.Value.LastUsedAt == Time.GetUtcNow());
    }

    [Fact]
    public async Task The_image_of_a_container_that_lives_for_a_moment_is_recorded()
    {
        var image = await CreateImageAsync();
        await using var watching = await WatchAsync();

        await RemoveContainerAsync(await CreateContainerAsync(image));

        await UntilAsync(() => watching.Tracked.Contains(image));
    }

    [Fact]
    public async Task A_tag_that_moves_on_while_its_container_lives_does_not_confuse_the_images()
    {
        var name = NewName();
        var old = await CreateImageAsync(name);
        await using var watching = await WatchAsync();
        var container = await CreateContainerAsync($"{name}:1");
        await UntilAsync(() => watching.Tracked.Contains(old));

        var current = await CreateImageAsync(name);
        Time.Pass(TimeSpan.FromMinutes(30));
        await RemoveContainerAsync(container);

        await UntilAsync(() => watching.Store.Find(old)!.Value.LastUsedAt == Time.GetUtcNow());
        Assert.DoesNotContain(current, watching.Tracked);
    }

    [Fact]
    public async Task An_image_that_somebody_removes_is_forgotten_at_once()
    {
        var image = await CreateImageAsync();
        await using var watching = await WatchAsync();
        await RemoveContainerAsync(await CreateContainerAsync(image));
        await UntilAsync(() => watching.Tracked.Contains(image));

        await RemoveImageAsync(image);

        await UntilAsync(() => !watching.Tracked.Contains(image));
    }

    [Theory]
    [InlineData("owner")]
    [InlineData("owner=edge")]
    public async Task Only_containers_with_the_owner_label_are_recorded(string label)
    {
        var (before, ours, theirs) = (await CreateImageAsync(), await CreateImageAsync(), await CreateImageAsync());
        await CreateContainerAsync(before, "owner");
        await using var watching = await WatchAsync(("OwnerLabel", label));

        await CreateContainerAsync(theirs);
        await CreateContainerAsync(ours, "owner");

        await UntilAsync(() => watching.Tracked.Contains(ours));
        Assert.Contains(before, watching.Tracked);
        Assert.DoesNotContain(theirs, watching.Tracked);
    }

    [Fact]
    public async Task What_happens_while_the_engine_restarts_is_made_up_for()
    {
        var (missed, gone) = (await CreateImageAsync(), await CreateImageAsync());
        await using var watching = await WatchAsync();
        await RemoveContainerAsync(await CreateContainerAsync(gone));
        await UntilAsync(() => watching.Tracked.Contains(gone));

        await Engine.StopAsync();
        await Engine.StartAsync();
        await CreateContainerAsync(missed);
        await RemoveImageAsync(gone);

        await UntilAsync(() =>
        {
            Time.Pass(TimeSpan.FromSeconds(1));
            return watching.Tracked.Contains(missed) && !watching.Tracked.Contains(gone);
        });
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_container_that_lived_while_nobody_watched_is_made_up_for(bool afterAnEvent)
    {
        var (seen, missed) = (await CreateImageAsync(), await CreateImageAsync());
        await using var watching = await WatchAsync();
        if (afterAnEvent)
        {
            await RemoveContainerAsync(await CreateContainerAsync(seen));
            await UntilAsync(() => watching.Tracked.Contains(seen));
        }

        await watching.Worker.StopAsync(Cancel);
        await RemoveContainerAsync(await CreateContainerAsync(missed));
        await watching.Worker.StartAsync(Cancel);

        await UntilAsync(() => watching.Tracked.Contains(missed));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_container_without_an_image_as_builds_have_them_stops_nothing(bool watched)
    {
        var (before, after) = (await CreateImageAsync(), await CreateImageAsync());
        await using var watching = await WatchAsync();
        if (!watched)
            await watching.Worker.StopAsync(Cancel);

        await RemoveContainerAsync(await CreateContainerAsync(before));
        var building = await CreateContainerAsync("");
        await RemoveContainerAsync(await CreateContainerAsync(after));
        if (!watched)
        {
            await RemoveContainerAsync(building);
            await watching.Worker.StartAsync(Cancel);
        }

        await UntilAsync(() => watching.Tracked.Contains(before) && watching.Tracked.Contains(after));
        Assert.Empty(Log.Messages(LogLevel.Warning));
    }

    [Fact]
    public async Task It_records_although_it_looks_again_while_a_cleanup_is_going_on()
    {
        var image = await CreateImageAsync();
        await using var watching = await WatchAsync();
        var cleaning = new TaskCompletionSource();
        var cleanup = watching.Services.GetRequiredService<Cleanup>().AloneAsync(() => cleaning.Task, Cancel);

        Time.Pass(TimeSpan.FromHours(1));
        await UntilAsync(() => Watches == 2);
        await RemoveContainerAsync(await CreateContainerAsync(image));

        await UntilAsync(() => watching.Tracked.Contains(image));
        cleaning.SetResult();
        await cleanup;
    }

    [Fact]
    public async Task Every_hour_it_looks_again_at_what_is_there()
    {
        await using var watching = await WatchAsync();

        Time.Pass(TimeSpan.FromHours(1));

        await UntilAsync(() => Watches == 2);
    }

    [Fact]
    public async Task A_look_for_images_that_are_gone_that_fails_is_logged_and_the_next_one_makes_up_for_it()
    {
        var (first, second) = (await CreateImageAsync(), await CreateImageAsync());
        await using var watching = await WatchAsync();
        watching.Store.RecordUse([first, second]);

        Execute("ALTER TABLE image_use RENAME TO hidden");
        await RemoveImageAsync(first);
        await UntilAsync(() => Log.Messages(LogLevel.Warning).Exists(
            message => message.StartsWith("Could not look which", StringComparison.Ordinal)));
        Execute("ALTER TABLE hidden RENAME TO image_use");
        await RemoveImageAsync(second);

        await UntilAsync(() => !watching.Tracked.Contains(first) && !watching.Tracked.Contains(second));
    }

    [Fact]
    public async Task A_cleanup_that_removes_watched_images_leaves_a_true_history()
    {
        await using var watching = await WatchAsync();
        var (images, containers) = (new List<string>(), new List<string>());
        for (var i = 0; i < 10; i++)
        {
            images.Add(await CreateImageAsync());
            containers.Add(await CreateContainerAsync(images[^1]));
        }

        await UntilAsync(() => images.All(watching.Tracked.Contains));
        Time.Pass(TimeSpan.FromMinutes(30));
        foreach (var container in containers)
            await RemoveContainerAsync(container);
        await UntilAsync(() =>
            images.TrueForAll(image => watching.Store.Find(image)!.Value.LastUsedAt == Time.GetUtcNow()));
        Time.Pass(TimeSpan.FromDays(8));

        await CollectAsync(watching.Services);

        Assert.Empty(images.Except(watching.Store.ListRemoved().Select(removed => removed.Image.ImageId)));
        Assert.Empty(images.Intersect(watching.Tracked));
    }

    private async Task<Watch> WatchAsync(params (string Name, string Value)[] settings)
    {
        var services = Services([.. settings, ("WatchContainers", "true")]);
        var watching = new Watch(services);
        await watching.Worker.StartAsync(Cancel);
        await UntilAsync(() => Watches == 1);
        return watching;
    }

    private void Execute(string sql)
    {
        using var connection = new SqliteConnection($"Data Source={DatabasePath};Pooling=false");
        connection.Open();
        using var command = new SqliteCommand(sql, connection);
        command.ExecuteNonQuery();
    }

    private int Watches => Log.Messages(LogLevel.Information)
        .Count(message => message.StartsWith("Watching", StringComparison.Ordinal));

    private static async Task UntilAsync(Func<bool> condition)
    {
        var patience = System.Diagnostics.Stopwatch.StartNew();
        while (!condition())
        {
            Assert.True(patience.Elapsed < TimeSpan.FromSeconds(30), "It did not come true within 30 seconds.");
            await Task.Delay(10, Cancel);
        }
    }

    private sealed class Watch(ServiceProvider services) : IAsyncDisposable
    {
        public ServiceProvider Services { get; } = services;

        public ImageUseStore Store => StoreOf(Services);

        public IEnumerable<string> Tracked => Store.List().Select(image => image.ImageId);

        public TrackingWorker Worker { get; } =
            services.GetServices<IHostedService>().OfType<TrackingWorker>().Single();

        public async ValueTask DisposeAsync() => await Worker.StopAsync(CancellationToken.None);
    }
}
