using System.Threading.Channels;
using ImageGc.Sqlite;
using ImageGc.Sqlite.Tests;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace ImageGc.Hosting.Tests;

/// <summary>A host whose database is on a disk without a free byte.</summary>
public sealed class FullDiskHostTests : HostTest
{
    private static readonly string[] Tracked = ["old-1", "old-2", "old-3", "used"];

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task It_removes_what_expired_and_records_it_once_a_removal_has_made_room(bool wasRunning)
    {
        using var disk = SmallDisk.MountOrSkip();
        using var host = Fill(disk, wasRunning);
        Engine.Removing = image =>
        {
            if (image == "old-2")
                File.Delete(disk.PathOf("filling"));
        };

        await host.StartAsync(Cancel);
        await LiveAsync(TimeSpan.FromMinutes(15));

        Assert.Equal(["old-1", "old-2", "old-3"], Engine.Removed);
        Assert.Equal("used", Assert.Single(StoreOf(host).List()).ImageId);
        Assert.Equal(3, StoreOf(host).ListRemoved().Count);
        Assert.Empty(Log.Messages(LogLevel.Error));
        await host.StopAsync(Cancel);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task It_makes_room_if_the_images_fill_the_disk_of_the_database(bool wasRunning)
    {
        using var disk = SmallDisk.MountOrSkip("size=8m");
        Tracked.ToList().ForEach(image => File.WriteAllBytes(disk.PathOf(image), new byte[1_200_000]));
        Engine.Removing = image => File.Delete(disk.PathOf(image));
        Workers = 2;
        using var host = Fill(
            disk, wasRunning, ("HighThreshold", "1B"), ("LowThreshold", "2MB"), ("ImageDirectory", disk.PathOf("")),
            ("ImageAgeCleanupThreshold", "30d"));

        await host.StartAsync(Cancel);
        await LiveAsync(TimeSpan.FromMinutes(10));

        Assert.Equal(["old-1", "old-2"], Engine.Removed);
        Assert.Equal(["old-3", "used"], StoreOf(host).List().Select(image => image.ImageId).Order());
        Assert.Equal(
            ["old-1", "old-2"], StoreOf(host).ListRemoved().Select(removed => removed.Image.ImageId).Order());
        Assert.Empty(Log.Messages(LogLevel.Error));
        await host.StopAsync(Cancel);
    }

    [Fact]
    public async Task Removals_that_cannot_be_recorded_on_a_full_disk_are_recorded_once_there_is_room()
    {
        using var disk = SmallDisk.MountOrSkip();
        using var host = Fill(disk, wasRunning: false);

        var result = await Collector(host).RunAsync(Cancel);

        Assert.Equal(["old-1", "old-2", "old-3"], result.Removed.Select(image => image.ImageId));
        Assert.Equal(result.Removed, StoreOf(host).ListNotRecorded());
        Assert.Equal(4, StoreOf(host).List().Count);
        File.Delete(disk.PathOf("filling"));
        StoreOf(host).CorrectTimes();
        Assert.Single(StoreOf(host).List());
        Assert.Equal(3, StoreOf(host).ListRemoved().Count);
    }

    [Fact]
    public async Task That_there_is_no_room_to_record_uses_is_logged_once()
    {
        using var disk = SmallDisk.MountOrSkip();
        Engine.Events = Channel.CreateUnbounded<EngineEvent>();
        using var host = Fill(disk, wasRunning: false, ("WatchContainers", "true"));

        await host.StartAsync(Cancel);
        foreach (var image in (string[])["old-1", "old-2"])
        {
            Engine.Containers.Add(OwnEngine.Container(image, image));
            Engine.Events.Writer.TryWrite(new() { Kind = EngineEventKind.ContainerCreated, ContainerId = image });
            await UntilAsync(() => StoreOf(host).ExplainPrune([]).Single(one => one.Image.ImageId == image).Reason
                == PruneReason.InUse); // What could not be recorded counts as in use.
        }

        Assert.Single(Log.Messages(LogLevel.Warning), message =>
            message.StartsWith("The disk is too full to record image uses", StringComparison.Ordinal));
        await host.StopAsync(Cancel);
    }

    [Fact]
    public async Task Recording_is_no_longer_a_problem_once_a_use_that_waited_for_room_is_recorded()
    {
        using var disk = SmallDisk.MountOrSkip();
        using var host = Fill(disk, wasRunning: false);
        await host.StartAsync(Cancel);
        await SleepAsync();
        host.Services.GetRequiredService<IImageUseRecorder>().Record("new");
        await LiveAsync(TimeSpan.FromMinutes(2));
        Assert.Equal(HostPart.Recording, Assert.Single(ProblemsNow(host)).Key);

        File.Delete(disk.PathOf("filling"));
        await LiveAsync(TimeSpan.FromMinutes(2));

        Assert.NotNull(StoreOf(host).Find("new"));
        Assert.Empty(ProblemsNow(host));
        Assert.Empty(ProblemsOf(host));
        await host.StopAsync(Cancel);

        static IEnumerable<KeyValuePair<HostPart, HostState.PartState>> ProblemsNow(IHost host) =>
            host.Services.GetRequiredService<HostState>().Parts.Where(part => part.Value.Problem is not null);
    }

    /// <summary>A host on a full disk, with three images that expired and one in use.</summary>
    private IHost Fill(SmallDisk disk, bool wasRunning, params (string, string)[] more)
    {
        (string, string)[] settings =
        [
            ("DatabasePath", disk.PathOf("image_use.db")), ("CleanupTime", "12:10"), ("ClockSettleTime", "0"), .. more,
        ];
        var host = Build(settings);
        StoreOf(host).RecordUse(Tracked);
        if (!wasRunning)
        {
            host.Dispose();
            host = Build(settings);
        }

        Engine.Images.AddRange(Tracked.Select(id => OwnEngine.Image(id)));
        Engine.Containers.Add(OwnEngine.Container("1", "used"));
        Time.Pass(TimeSpan.FromDays(8));
        disk.FillUp();
        return host;
    }
}
