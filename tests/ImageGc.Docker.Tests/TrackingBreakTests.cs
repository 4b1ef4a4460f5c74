using ImageGc.Hosting;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace ImageGc.Docker.Tests;

/// <summary>Interruptions of the tracking, and events that cannot be handled.</summary>
public sealed class TrackingBreakTests(PrivateEngine engine) : WatchTest(engine)
{
    [Fact]
    public async Task Uses_and_removals_during_a_restart_of_the_engine_are_made_up_for()
    {
        var (missed, gone) = (await CreateImageAsync(), await CreateImageAsync());
        await using var watching = await WatchAsync();
        await RemoveContainerAsync(await CreateContainerAsync(gone));
        await UntilAsync(() => watching.Tracked.Contains(gone));

        await Engine.StopAsync();
        await Engine.StartAsync();
        await CreateContainerAsync(missed);
        await RemoveImageAsync(gone);

        await UntilAsync(
            () => watching.Tracked.Contains(missed) && !watching.Tracked.Contains(gone),
            Time, TimeSpan.FromSeconds(1));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_container_that_came_and_went_unwatched_is_made_up_for(bool afterAnEvent)
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
    public async Task A_container_without_an_image_does_not_stop_the_tracking(bool watched)
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
    public async Task It_renews_its_connection_and_records_uses_while_a_cleanup_runs()
    {
        var image = await CreateImageAsync();
        await using var watching = await WatchAsync();
        var cleaning = new TaskCompletionSource<int>();
        var cleanup = watching.Services.GetRequiredService<Cleanup>().AloneAsync(() => cleaning.Task, Cancel);

        Time.Pass(TimeSpan.FromHours(1));
        await UntilAsync(() => Watches == 2);
        await RemoveContainerAsync(await CreateContainerAsync(image));

        await UntilAsync(() => watching.Tracked.Contains(image));
        cleaning.SetResult(0);
        await cleanup;
    }

    [Fact]
    public async Task The_connection_is_renewed_every_hour()
    {
        await using var watching = await WatchAsync();

        Time.Pass(TimeSpan.FromHours(1));

        await UntilAsync(() => Watches == 2);
    }

    [Fact]
    public async Task A_failed_check_of_a_removed_image_is_logged_and_cleanups_make_up_for_it()
    {
        var (first, second) = (await CreateImageAsync(), await CreateImageAsync());
        await using var watching = await WatchAsync();
        watching.Store.RecordUse([first, second]);

        Execute("ALTER TABLE image_use RENAME TO hidden");
        await RemoveImageAsync(first);
        await UntilAsync(() => Log.Messages(LogLevel.Warning).Exists(
            message => message.StartsWith($"Could not check whether {first} is gone", StringComparison.Ordinal)));
        Execute("ALTER TABLE hidden RENAME TO image_use");
        await RemoveImageAsync(second);

        await UntilAsync(() => !watching.Tracked.Contains(second));
        Assert.Contains(first, watching.Tracked);
        for (var day = 0; day < 2; day++)
        {
            await CollectAsync(watching.Services);
            Time.Pass(TimeSpan.FromDays(1));
        }

        Assert.DoesNotContain(first, watching.Tracked);
    }

    private void Execute(string sql)
    {
        using var connection = new SqliteConnection($"Data Source={DatabasePath};Pooling=false");
        connection.Open();
        using var command = new SqliteCommand(sql, connection);
        command.ExecuteNonQuery();
    }
}
