using System.Threading.Channels;
using ImageGc.Sqlite;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace ImageGc.Hosting.Tests;

/// <summary>Garbage collection inside a host, with an engine of the runtime's own.</summary>
public sealed class HostingTests : HostTest
{
    private static readonly TimeSpan ClockSettleTime = TimeSpan.FromHours(1);
    private static readonly TimeSpan UntilMidnight = TimeSpan.FromHours(12);

    [Fact]
    public async Task A_host_removes_what_expired_when_a_cleanup_is_due()
    {
        Engine.Images.AddRange([OwnEngine.Image("old"), OwnEngine.Image("young")]);
        using var host = Build();
        var store = StoreOf(host);
        store.RecordUse("old");
        Time.Pass(TimeSpan.FromDays(8));
        store.RecordUse("young");

        await host.StartAsync(Cancel);
        await LiveAsync(UntilMidnight);
        await host.StopAsync(Cancel);

        Assert.Equal(["old"], Engine.Removed);
        Assert.Equal(["young"], store.List().Select(image => image.ImageId));
    }

    [Theory]
    [InlineData("3d", 4, true)]
    [InlineData("9d", 8, false)]
    public async Task An_image_is_removed_once_it_was_unused_for_ImageAgeCleanupThreshold(
        string threshold, int days, bool isRemoved)
    {
        Engine.Images.Add(OwnEngine.Image("old"));
        using var host = Build(("ImageAgeCleanupThreshold", threshold));
        StoreOf(host).RecordUse("old");
        Time.Pass(TimeSpan.FromDays(days));

        await Collector(host).RunAsync(Cancel);

        Assert.Equal(isRemoved, Engine.Removed.Contains("old"));
    }

    [Fact]
    public async Task A_host_logs_at_startup_how_many_images_are_tracked_or_why_it_cannot_know()
    {
        using (var host = Build())
        {
            StoreOf(host).RecordUse("tracked");
            await host.StartAsync(Cancel);
            await LiveAsync(TimeSpan.Zero);
            await host.StopAsync(Cancel);
        }

        using (var host = Build(("DatabasePath", PathOf("missing/image_use.db"))))
        {
            await host.StartAsync(Cancel);
            await LiveAsync(TimeSpan.Zero);
            await host.StopAsync(Cancel);
        }

        Assert.Contains($"Images are tracked in {PathOf("image_use.db")}, 1 so far",
            Log.Messages(LogLevel.Information));
        Assert.Contains("does not exist. Create it", Assert.Single(Log.Messages(LogLevel.Error)),
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_disabled_host_records_uses_and_removes_nothing_on_schedule_or_on_demand()
    {
        Engine.Images.Add(OwnEngine.Image("old"));
        using var host = Build(("Enabled", "false"));
        await host.StartAsync(Cancel);
        host.Services.GetRequiredService<IImageUseRecorder>().Record("old");
        Time.Pass(TimeSpan.FromDays(8));

        var cleanups = host.Services.GetServices<IHostedService>().OfType<CleanupWorker>().Single();
        await EndAsync(cleanups.ExecuteTask!, "the worker that cleans up ends, because the host is disabled");
        await Collector(host).RunAsync(Cancel);
        await host.StopAsync(Cancel);

        Assert.Empty(Engine.Removed);
        Assert.Null(StoreOf(host).LastPrune());
        Assert.Equal(["old"], StoreOf(host).List().Select(image => image.ImageId));
    }

    [Fact]
    public async Task A_database_that_can_be_read_again_is_healthy_before_the_next_cleanup()
    {
        var database = ("DatabasePath", PathOf("disk/image_use.db"));
        Directory.CreateDirectory(PathOf("disk"));
        using (var first = Build(database))
        {
            await first.StartAsync(Cancel);
            await LiveAsync(ClockSettleTime);
            await first.StopAsync(Cancel);
        }

        Directory.Move(PathOf("disk"), PathOf("unmounted"));
        using var host = Build(database);
        await host.StartAsync(Cancel);
        await LiveAsync(ClockSettleTime);
        Directory.Move(PathOf("unmounted"), PathOf("disk"));
        Assert.Equal(HealthStatus.Degraded, (await HealthAsync(host)).Status);
        await LiveAsync(TimeSpan.FromMinutes(15));

        Assert.Equal(HealthStatus.Healthy, (await HealthAsync(host)).Status);
        await host.StopAsync(Cancel);
    }

    [Fact]
    public async Task A_failed_cleanup_removes_nothing_does_not_end_the_host_and_shows_in_the_health_check()
    {
        Engine.Images.Add(OwnEngine.Image("old"));
        using var host = Build();
        Engine.Failure = new IOException("The engine is away.");
        var store = StoreOf(host);
        store.RecordUse("old");
        Time.Pass(TimeSpan.FromDays(8));

        await host.StartAsync(Cancel);
        await LiveAsync(UntilMidnight);
        var health = await HealthAsync(host);
        var isRunning = IsRunning(host);
        await host.StopAsync(Cancel);

        Assert.True(isRunning);
        Assert.Empty(Engine.Removed);
        Assert.Equal(HealthStatus.Degraded, health.Status);
        Assert.Contains("The engine is away.", health.Description, StringComparison.Ordinal);
        Assert.Single(store.List());
    }

    [Fact]
    public async Task A_database_that_cannot_be_opened_does_not_end_the_host()
    {
        using var host = Build(("DatabasePath", PathOf("missing/image_use.db")));

        await host.StartAsync(Cancel);
        await LiveAsync(ClockSettleTime);
        var (health, isRunning) = (await HealthAsync(host), IsRunning(host));
        await host.StopAsync(Cancel);

        Assert.True(isRunning);
        Assert.Equal(HealthStatus.Unhealthy, health.Status);
    }

    [Fact]
    public async Task Nothing_is_removed_when_the_engine_cannot_list_the_images_to_keep()
    {
        Engine.Images.Add(OwnEngine.Image("old"));
        using var host = Build(("KeepImages:0", "agent"));
        StoreOf(host).RecordUse("old");
        Time.Pass(TimeSpan.FromDays(8));
        Engine.ImagesFailure = new IOException("No list.");

        await Assert.ThrowsAsync<IOException>(() => host.Services.GetRequiredService<Cleanup>()
            .RunAsync(PruneKind.Scheduled, null, null, Cancel));

        Assert.Empty(Engine.Removed);
        Assert.NotNull(StoreOf(host).Find("old"));
    }

    [Fact]
    public async Task A_day_on_which_nothing_happens_adds_two_lines_to_the_log()
    {
        (Engine.Events, Workers) = (Channel.CreateUnbounded<EngineEvent>(), 2);
        using var host = Build(("WatchContainers", "true"));
        await host.StartAsync(Cancel);
        await UntilAsync(() => Log.Events().Contains(105));
        await LiveAsync(TimeSpan.FromDays(1));
        var before = Log.Messages(LogLevel.Information);

        await LiveAsync(TimeSpan.FromDays(1));

        Assert.Equal(
            ["Pruned", "The next cleanup is due at"],
            Log.Messages(LogLevel.Information).Skip(before.Count)
                .Select(line => line.StartsWith("Pruned ", StringComparison.Ordinal) ? "Pruned" : line[..26]));
        Assert.Empty(Log.Messages(LogLevel.Warning));
        await host.StopAsync(Cancel);
        Assert.StartsWith("ImageGc 0.1.0 is starting. Settings: ", before[0], StringComparison.Ordinal);
        Assert.Contains("ImageAgeCleanupThreshold 7d", before[0], StringComparison.Ordinal);
        Assert.Equal("ImageGc has stopped", Log.Messages(LogLevel.Information)[^1]);
    }

    private static async Task<HealthReportEntry> HealthAsync(IHost host) =>
        (await host.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync(Cancel))
            .Entries["image-garbage-collection"];
}
