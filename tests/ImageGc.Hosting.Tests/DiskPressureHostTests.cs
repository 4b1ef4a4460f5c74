using ImageGc.Sqlite;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace ImageGc.Hosting.Tests;

/// <summary>A host that makes room on a disk of 100 MB, of which other files take 40 MB.</summary>
public sealed class DiskPressureHostTests : HostTest
{
    /// <summary>Images of 10 MB each, in the order in which they were used.</summary>
    private static readonly string[] Six = ["one", "two", "three", "four", "five", "six"];

    private readonly Dictionary<string, DateTimeOffset> _freedAt = [];
    private readonly Dictionary<string, int> _sizes = [];
    private int _others = 40;

    public DiskPressureHostTests()
    {
        Workers = 2;
        Engine.UsedPercent = () => _others + _sizes
            .Where(image => !_freedAt.TryGetValue(image.Key, out var at) || at > Time.GetUtcNow())
            .Sum(image => image.Value);
    }

    [Theory]
    [InlineData("95%", "80%", 2)]
    [InlineData("95", "79", 3)]
    [InlineData("95%", null, 1)] // Down to 90%.
    [InlineData("10MB", "30MB", 3)]
    [InlineData("10MB", null, 2)] // Until 15 MB are free.
    [InlineData("15MB", null, 3)] // Until 22.5 MB are free.
    [InlineData("10MB", "80%", 2)]
    [InlineData("100%", "50%", 5)]
    [InlineData("80%", "15MB", 3)] // With only 15 MB free the disk would be fuller than 80%.
    public async Task The_least_recently_used_images_are_removed_down_to_the_low_threshold(
        string high, string? low, int removed)
    {
        using var host = Fill([("HighThreshold", high), .. low is null ? [] : new[] { ("LowThreshold", low) }]);

        await host.StartAsync(Cancel);
        await LiveAsync(TimeSpan.FromMinutes(30));

        Assert.Equal(Six[..removed], Engine.Removed);
        Assert.Equal(removed, StoreOf(host).ListRemoved().Count);
        var run = Assert.Single(StoreOf(host).ListPrunes());
        Assert.Equal((PruneKind.DiskPressure, 10_000_000L * removed), (run.Kind, run.FreedBytes));
        Assert.All(
            StoreOf(host).ListRemoved(), image => Assert.Equal(new FreedSpace(10_000_000, FreedBy.Disk), image.Freed));
        Assert.Contains(
            "The disk is 100% full, 0 B free and has reached the threshold of ",
            Assert.Single(Log.Messages(LogLevel.Warning)), StringComparison.Ordinal);
        var room = Assert.Single(Log.Messages(LogLevel.Information), message =>
            message.Contains("early: the disk was", StringComparison.Ordinal));
        Assert.StartsWith(
            $"Removed {removed} images early: the disk was 100% full, 0 B free and is now "
            + $"{100 - (10 * removed)}% full, {removed}0 MB free; thresholds {high[..2]}",
            room, StringComparison.Ordinal);
        await host.StopAsync(Cancel);
    }

    [Theory]
    [InlineData("99%")]
    [InlineData("1MB")]
    public async Task A_disk_with_room_is_left_alone(string high)
    {
        _others = 30;
        using var host = Fill(("HighThreshold", high));

        await host.StartAsync(Cancel);
        await LiveAsync(TimeSpan.FromMinutes(30));

        Assert.Empty(Engine.Removed);
        Assert.Empty(StoreOf(host).ListPrunes());
        await host.StopAsync(Cancel);
    }

    [Fact]
    public async Task A_disabled_host_removes_nothing_from_a_full_disk()
    {
        using var host = Fill(("HighThreshold", "95%"), ("Enabled", "false"));
        await host.StartAsync(Cancel);

        await EndAsync(
            host.Services.GetRequiredService<DiskPressureWorker>().ExecuteTask!,
            "the worker that makes room ends, because the host is disabled");

        Assert.Empty(Engine.Removed);
        await host.StopAsync(Cancel);
    }

    [Theory]
    [InlineData("5m", 6, 3, 0)] // The first check comes 5 minutes after the start.
    [InlineData("5m", 6, 5, 2)]
    [InlineData("10m", 6, 8, 0)]
    [InlineData("10m", 6, 10, 2)]
    public async Task The_disk_is_checked_at_every_DiskCheckInterval(
        string interval, int before, int after, int removed)
    {
        _others = 30;
        using var host = Fill(("HighThreshold", "95%"), ("LowThreshold", "80%"), ("DiskCheckInterval", interval));

        await host.StartAsync(Cancel);
        await LiveAsync(TimeSpan.FromMinutes(before));
        _others = 40;
        await LiveAsync(TimeSpan.FromMinutes(after));

        Assert.Equal(Six[..removed], Engine.Removed);
        await host.StopAsync(Cancel);
    }

    [Theory]
    [InlineData(4)]
    [InlineData(29)]
    public async Task Space_that_comes_back_late_is_waited_for_before_another_image_is_removed(int seconds)
    {
        using var host = Fill(("HighThreshold", "95%"), ("LowThreshold", "80%"));
        FreesAfter(TimeSpan.FromSeconds(seconds));

        var removed = await RunAsync(host);

        Assert.Equal(Six[..2], Engine.Removed);
        Assert.Equal(20_000_000, removed.Sum(outcome => outcome.Freed!.Bytes));
    }

    [Fact]
    public async Task Removals_that_free_nothing_stop_after_three_images_for_an_hour()
    {
        using var host = Fill(("HighThreshold", "95%"), ("LowThreshold", "80%"));
        FreesAfter(TimeSpan.MaxValue); // The images lie on another disk.

        var full = await Assert.ThrowsAsync<DiskStillFullException>(() => RunAsync(host));
        await Assert.ThrowsAsync<DiskStillFullException>(() => RunAsync(host));

        Assert.Equal(Six[..3], Engine.Removed);
        Time.Pass(TimeSpan.FromHours(1));
        await Assert.ThrowsAsync<DiskStillFullException>(() => RunAsync(host));
        Assert.Equal(Six, Engine.Removed);
        Assert.StartsWith(
            "The disk is 100% full, 0 B free; at most 95% may be used. The last removals failed or freed nothing. If "
            + "the images are on another disk, set ImageDirectory; otherwise another program may use the freed space.",
            full.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Two_removals_in_a_row_that_free_nothing_do_not_end_it()
    {
        using var host = Fill(("HighThreshold", "95%"), ("LowThreshold", "80%"));
        Engine.Removing = image =>
            _freedAt[image] = image is "three" or "six" ? Time.GetUtcNow() : DateTimeOffset.MaxValue;

        await RunAsync(host);

        Assert.Equal(Six, Engine.Removed);
    }

    [Fact]
    public async Task A_disk_that_had_room_since_removals_freed_nothing_is_relieved_at_once()
    {
        using var host = Fill(("HighThreshold", "95%"), ("LowThreshold", "80%"));
        FreesAfter(TimeSpan.MaxValue);
        await Assert.ThrowsAsync<DiskStillFullException>(() => RunAsync(host));
        _others = 20;
        await RunAsync(host);

        _others = 40;
        FreesAfter(TimeSpan.Zero);
        await RunAsync(host);

        Assert.Equal(Six[..5], Engine.Removed);
    }

    [Fact]
    public async Task Images_that_cannot_be_removed_are_tried_for_space_once_an_hour()
    {
        using var host = Fill(("HighThreshold", "95%"), ("LowThreshold", "80%"));
        Engine.RemovalFailure = new EngineRequestFailedException("It is stuck.");

        await host.StartAsync(Cancel);
        await LiveAsync(TimeSpan.FromMinutes(60));
        Assert.Equal(6, Log.Messages(LogLevel.Warning).Count(message => message.Contains("It is stuck.")));

        await LiveAsync(TimeSpan.FromMinutes(60));
        Assert.Equal(12, Log.Messages(LogLevel.Warning).Count(message => message.Contains("It is stuck.")));
        Assert.DoesNotContain(Log.Messages(LogLevel.Information), message => message.Contains("early: the disk was"));
        await host.StopAsync(Cancel);
    }

    [Fact]
    public async Task Images_that_share_all_their_layers_do_not_stop_the_removals()
    {
        using var host = Fill(("HighThreshold", "95%"), ("LowThreshold", "80%"));
        for (var i = 0; i < 4; i++)
        {
            _sizes[Six[i]] = 0;
            Engine.Images[i] = Engine.Images[i] with { SizeBytes = 1000 };
        }

        _others = 80;

        await RunAsync(host);

        Assert.Equal(Six, Engine.Removed);
    }

    [Fact]
    public async Task A_few_bytes_more_do_not_count_as_freed_by_an_image()
    {
        using var host = Fill(("HighThreshold", "95%"), ("LowThreshold", "80%"));
        FreesAfter(TimeSpan.MaxValue);
        Engine.StrayBytes = () => 4096 * Engine.Removed.Count;

        await Assert.ThrowsAsync<DiskStillFullException>(() => RunAsync(host));

        Assert.Equal(Six[..3], Engine.Removed);
    }

    [Fact]
    public async Task Space_of_images_that_another_run_has_just_removed_is_waited_for()
    {
        using var host = Fill(("HighThreshold", "95%"), ("LowThreshold", "80%"));
        _freedAt["six"] = _freedAt["five"] = Time.GetUtcNow() + TimeSpan.FromSeconds(4);

        await RunAsync(host);

        Assert.Empty(Engine.Removed);
        _others += 25; // The last run removed nothing, because space came back: that does not delay this run.
        await RunAsync(host);
        Assert.NotEmpty(Engine.Removed);
    }

    [Fact]
    public async Task A_disk_that_stays_full_is_logged_once_and_leaves_no_run_in_the_history()
    {
        using var host = Fill(("HighThreshold", "95%"), ("MinimumAge", "7d"));
        await host.StartAsync(Cancel);
        await LiveAsync(TimeSpan.FromMinutes(30));

        Assert.StartsWith(
            "Could not make enough room on the disk: The disk is 100% full, 0 B free; at most 95% may be used. No "
            + "other unused image can be removed now. Images take up to 60 MB: 60 MB used too recently; everything ",
            Assert.Single(Log.Messages(LogLevel.Warning)), StringComparison.Ordinal);
        Assert.Empty(StoreOf(host).ListPrunes());
        Assert.Contains(
            "Unused images are removed early when the disk reaches 95%. First check in 5m, then every 5m",
            Log.Messages(LogLevel.Information));
        Assert.DoesNotContain("There is room on the disk again", Log.Messages(LogLevel.Information));

        _others = 0;
        await LiveAsync(TimeSpan.FromMinutes(30));

        Assert.Single(Log.Messages(LogLevel.Information), "There is room on the disk again");
        await host.StopAsync(Cancel);
    }

    [Fact]
    public async Task The_error_of_a_disk_that_stays_full_says_what_fills_it()
    {
        using var host = Fill(
            ("HighThreshold", "95%"), ("LowThreshold", "20%"), ("KeepImages", "three"), ("MinimumAge", "9m"));
        Engine.Containers.Add(OwnEngine.Container("1", "two"));
        Add("untracked", 5);
        Engine.Images.Add(OwnEngine.Image("stuck"));
        StoreOf(host).RecordUse(["four", "five", "six"]);

        List<PruneOutcome> outcomes = [];
        var full = await Assert.ThrowsAsync<DiskStillFullException>(() => RunAsync(host, outcomes));

        Assert.Equal(["one"], outcomes.Select(outcome => outcome.Image.ImageId));
        Assert.Equal(
            "The disk is 95% full, 5 MB free; at most 95% may be used. No other unused image can be removed now. "
            + "Images take up to 55 MB: 30 MB used too recently, 10 MB in use, 10 MB kept, 5 MB not tracked; "
            + "everything else takes 40 MB or more. To see more, run 'du -xh' and the engine's 'system df'.",
            full.Message);
    }

    [Theory]
    [InlineData("7d")]
    [InlineData("30d")]
    public async Task A_MinimumAge_of_the_threshold_or_more_removes_only_expired_images_for_space(string minimumAge)
    {
        using var host = Fill(("HighThreshold", "95%"), ("MinimumAge", minimumAge));
        Time.Pass(TimeSpan.FromDays(8));
        StoreOf(host).RecordUse(Six[1..]);

        _others = 60;

        await Assert.ThrowsAsync<DiskStillFullException>(
            () => EndAsync(RelieveAsync(host), Time, TimeSpan.FromSeconds(1)));

        Assert.Equal(["one"], Engine.Removed);
        Assert.Equal(PruneKind.DiskPressure, Assert.Single(StoreOf(host).ListPrunes()).Kind);
    }

    [Fact]
    public async Task The_engines_size_counts_as_freed_and_an_image_that_frees_nothing_stays()
    {
        using var host = Fill(("HighThreshold", "95%"), ("LowThreshold", "80%"));
        Engine.Images[0] = Engine.Images[0] with { UniqueBytes = 0 };
        Engine.Images[1] = Engine.Images[1] with { UniqueBytes = 7_000_000 };

        var removed = await RunAsync(host);

        Assert.Equal(["two", "three"], Engine.Removed);
        Assert.Equal(
            [new FreedSpace(7_000_000, FreedBy.Engine), new FreedSpace(10_000_000, FreedBy.Disk)],
            removed.Select(outcome => outcome.Freed));
        Assert.Equal(17_000_000, Assert.Single(StoreOf(host).ListPrunes(), run => run.Removed > 0).FreedBytes);
    }

    [Fact]
    public async Task A_writer_that_takes_all_freed_space_does_not_cost_every_image()
    {
        using var host = Fill(("HighThreshold", "95%"), ("LowThreshold", "80%"));
        Engine.Removing = _ => _others += 10;

        await Assert.ThrowsAsync<DiskStillFullException>(() => RunAsync(host));

        Assert.Equal(Six[..3], Engine.Removed);
        Assert.Equal(3, StoreOf(host).ListRemoved().Count);
    }

    [Theory]
    [InlineData("10MB", "100MB")]
    [InlineData("2GB", null)]
    public async Task A_threshold_that_the_disk_can_never_reach_removes_no_image(string high, string? low)
    {
        using var host = Fill([("HighThreshold", high), .. low is null ? [] : new[] { ("LowThreshold", low) }]);

        var wrong = await Assert.ThrowsAsync<NotSupportedException>(() => RunAsync(host));

        Assert.Empty(Engine.Removed);
        Assert.StartsWith(
            $"The disk has 100 MB in all and can never have {(low is null ? "2 GB" : "100 MB")} free. No image is ",
            wrong.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_removal_is_recorded_when_the_host_stops_while_it_waits_for_space()
    {
        using var host = Fill(("HighThreshold", "95%"), ("LowThreshold", "80%"));
        FreesAfter(TimeSpan.FromMinutes(1));
        using var stop = new CancellationTokenSource();
        List<PruneOutcome> outcomes = [];
        var run = Collector(host).RunAsync(new Outcomes(outcomes), stop.Token);
        await EndAsync(Time.WaitForTimersAsync(1), "the run waits for the space of the first image");

        await stop.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => run);
        Assert.Equal(["one"], Engine.Removed);
        Assert.Equal("one", Assert.Single(outcomes).Image.ImageId);
        Assert.Equal("one", Assert.Single(StoreOf(host).ListRemoved()).Image.ImageId);
        Assert.Null(StoreOf(host).Find("one"));
    }

    [Theory]
    [InlineData(40, 6)]
    [InlineData(20, 0)]
    public async Task The_preview_includes_what_a_full_disk_would_remove(int others, int expired)
    {
        using var host = Fill(("HighThreshold", "95%"), ("LowThreshold", "80%"));
        _others = others;

        var preview = await Collector(host).PreviewAsync(Cancel);

        Assert.Equal(expired, preview.Count(verdict => verdict.Reason == PruneReason.Expired));
        Assert.Empty(Engine.Removed);
    }

    [Fact]
    public void A_directory_that_is_on_no_disk_is_refused() => Assert.Contains(
        "'/proc' is not on a disk", Assert.Throws<IOException>(() => DiskUsage.OfDirectory("/proc")).Message,
        StringComparison.Ordinal);

    [Fact]
    public async Task Two_hosts_on_one_disk_remove_no_more_than_is_needed()
    {
        using var first = Fill(("HighThreshold", "95%"), ("LowThreshold", "80%"));
        using var second = Build(
            ("HighThreshold", "95%"), ("LowThreshold", "80%"), ("DatabasePath", PathOf("second.db")));
        StoreOf(second).RecordUse(["seven", "eight"]);
        Engine.Images.AddRange([OwnEngine.Image("seven"), OwnEngine.Image("eight")]);
        Time.Pass(TimeSpan.FromMinutes(10));

        await RunAsync(first);
        await RunAsync(second);

        Assert.Equal(Six[..2], Engine.Removed);
    }

    [Fact]
    public async Task A_disk_that_the_engine_cannot_measure_is_reported_with_the_setting_to_make()
    {
        using var host = Fill(("HighThreshold", "95%"));
        Engine.UsedPercent = () => null;

        var failure = await Assert.ThrowsAsync<NotSupportedException>(() => RunAsync(host));

        Assert.Equal(
            "The engine cannot measure its disk. Set ImageDirectory to a directory on the disk that holds the "
            + "images, or leave HighThreshold out.",
            failure.Message);
    }

    [Fact]
    public async Task ImageDirectory_is_measured_instead_of_asking_the_engine()
    {
        using var right = Fill(("HighThreshold", "1EB"), ("ImageDirectory", PathOf("")), ("MinimumAge", "1h"));
        using var wrong = Build(("HighThreshold", "95%"), ("ImageDirectory", PathOf("none")));

        var measured = await Assert.ThrowsAsync<NotSupportedException>(() => EndAsync(RelieveAsync(right)));
        var missing = await Assert.ThrowsAsync<EngineRequestFailedException>(() => EndAsync(RelieveAsync(wrong)));

        var disk = DiskUsage.OfDirectory(PathOf(""));
        Assert.StartsWith($"The disk has {SizeText.Format(disk.UsedBytes + disk.AvailableBytes)} in all and ",
            measured.Message, StringComparison.Ordinal);
        Assert.Equal(
            $"The disk of the images cannot be measured: the directory '{PathOf("none")}' does not exist. Correct "
            + "ImageDirectory.",
            missing.Message);
    }

    /// <summary>A host whose disk is full of unused images.</summary>
    private IHost Fill(params (string, string)[] settings)
    {
        var host = Build([.. settings, ("CleanupTime", "11:00")]);
        foreach (var image in Six)
        {
            Add(image, 10);
            StoreOf(host).RecordUse(image);
            Time.Pass(TimeSpan.FromSeconds(1));
        }

        Time.Pass(TimeSpan.FromMinutes(10));
        FreesAfter(TimeSpan.Zero);
        return host;
    }

    private void Add(string image, int megabytes)
    {
        Engine.Images.Add(OwnEngine.Image(image, image) with { SizeBytes = megabytes * 1_000_000L });
        _sizes[image] = megabytes;
    }

    /// <summary>Sets how long after its removal the space of an image is free.</summary>
    private void FreesAfter(TimeSpan time) => Engine.Removing = image => _freedAt[image] =
        time == TimeSpan.MaxValue ? DateTimeOffset.MaxValue : Time.GetUtcNow() + time;

    private static Task<PruneResult> RelieveAsync(IHost host) =>
        host.Services.GetRequiredService<DiskPressureWorker>().RelieveAsync(progress: null, Cancel);

    /// <summary>Cleans up on demand while time passes; returns the outcome for each image.</summary>
    private async Task<List<PruneOutcome>> RunAsync(IHost host, List<PruneOutcome>? outcomes = null)
    {
        outcomes ??= [];
        await EndAsync(
            Collector(host).RunAsync(new Outcomes(outcomes), Cancel), Time, TimeSpan.FromSeconds(1));
        return outcomes;
    }

    private sealed class Outcomes(List<PruneOutcome> outcomes) : IProgress<PruneOutcome>
    {
        public void Report(PruneOutcome outcome) => outcomes.Add(outcome);
    }
}
