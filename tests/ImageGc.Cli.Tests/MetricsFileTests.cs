using System.Diagnostics.Metrics;
using ImageGc.Cli.Hosting;
using ImageGc.Sqlite.Tests;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace ImageGc.Cli.Tests;

/// <summary>The file that node_exporter reads. `.ci/fleet` tests it with the parser of node_exporter.</summary>
public sealed class MetricsFileTests : CliTest
{
    private readonly SteppingTime _time = new();
    private readonly RecordingLog _log = new();
    private readonly ServiceProvider _services = new ServiceCollection().AddMetrics().BuildServiceProvider();
    private readonly Meter _meter;

    public MetricsFileTests() => _meter = Meters.Create("ImageGc");

    private IMeterFactory Meters => _services.GetRequiredService<IMeterFactory>();

    private string Path => PathOf("metrics/imagegc.prom");

    [Fact]
    public async Task Instruments_have_the_names_that_OpenTelemetry_gives_them_for_Prometheus()
    {
        var removals = _meter.CreateCounter<long>("test.removals", "{image}", "Images removed");
        _meter.CreateCounter<long>("test.freed", "By", "Bytes freed");
        var runs = _meter.CreateHistogram<double>("test.run.duration", "s", "How long a run took");
        _meter.CreateObservableGauge("test.age", () => 1.5, "s", "Time since then");
        _meter.CreateObservableGauge<int>(
            "test.working", () => [new(1, [new("part", "watching")]), new(0, [new("part", "cleanup")])], null, "Works");
        _meter.CreateObservableGauge("test.used", () => 0.25, "1", "How full it is");
        using var metrics = await StartAsync();

        removals.Add(2);
        removals.Add(3);
        runs.Record(0.5);
        runs.Record(0.25);
        await PassAMinuteAsync();

        Assert.Equal(
            """
            # HELP test_age_seconds Time since then.
            # TYPE test_age_seconds gauge
            test_age_seconds 1.5
            # HELP test_freed_bytes_total Bytes freed.
            # TYPE test_freed_bytes_total counter
            test_freed_bytes_total 0
            # HELP test_removals_total Images removed.
            # TYPE test_removals_total counter
            test_removals_total 5
            # HELP test_run_duration_seconds How long a run took.
            # TYPE test_run_duration_seconds summary
            test_run_duration_seconds_sum 0.75
            test_run_duration_seconds_count 2
            # HELP test_used_ratio How full it is.
            # TYPE test_used_ratio gauge
            test_used_ratio 0.25
            # HELP test_working Works.
            # TYPE test_working gauge
            test_working{part="cleanup"} 0
            test_working{part="watching"} 1

            """,
            Written());
    }

    [Fact]
    public async Task A_gauge_that_observes_nothing_any_more_is_left_out()
    {
        var isKnown = true;
        _meter.CreateObservableGauge<long>("test.tracked", () => isKnown ? [new(7)] : [], "{image}", "Tracked");
        using var metrics = await StartAsync();
        Assert.EndsWith("test_tracked 7\n", Written(), StringComparison.Ordinal);

        isKnown = false;
        await PassAMinuteAsync();

        Assert.Equal("", Written());
    }

    [Fact]
    public async Task Every_user_can_read_the_file_and_it_is_deleted_when_the_daemon_stops()
    {
        using var metrics = await StartAsync();

        Assert.Equal("imagegc.prom", System.IO.Path.GetFileName(
            Assert.Single(Directory.GetFiles(PathOf("metrics")))));
        Assert.Equal("-rw-r--r--", Mode(File.GetUnixFileMode(Path)));
        await metrics.StopAsync(TestContext.Current.CancellationToken);
        Assert.Empty(Directory.GetFiles(PathOf("metrics")));
    }

    [Fact]
    public async Task A_file_that_cannot_be_written_is_logged_once_and_tried_again_each_minute()
    {
        using var metrics = await StartAsync();
        Directory.Delete(PathOf("metrics"), recursive: true);
        await PassAMinuteAsync();
        await PassAMinuteAsync();
        Assert.Contains(Path, Assert.Single(_log.Messages(LogLevel.Warning)), StringComparison.Ordinal);

        Directory.CreateDirectory(PathOf("metrics"));
        await PassAMinuteAsync();

        Assert.True(File.Exists(Path));
        Assert.Single(_log.Messages(LogLevel.Warning));
        Directory.Delete(PathOf("metrics"), recursive: true);
        await metrics.StopAsync(TestContext.Current.CancellationToken); // The failing file does not prevent it.
    }

    [Fact]
    public async Task A_metric_that_cannot_be_measured_is_logged_once_and_does_not_end_the_daemon()
    {
        _meter.CreateObservableGauge<int>("test.broken", () => _time.GetUtcNow() == SteppingTime.Start
            ? 1
            : throw new InvalidOperationException("It broke."));
        using var metrics = await StartAsync();

        await PassAMinuteAsync();
        await PassAMinuteAsync();

        Assert.Contains("It broke.", Assert.Single(_log.Messages(LogLevel.Warning)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_daemon_whose_setting_names_another_file_does_not_start_and_leaves_it_alone()
    {
        var file = FileOf("precious", "other.txt");
        await File.WriteAllTextAsync(
            SettingsFile, $$"""{ "ImageGarbageCollection": {}, "MetricsFile": "{{file}}" }""",
            TestContext.Current.CancellationToken);

        var result = await ResultAsync(RunToEndAsync("run"), "the daemon ends");

        Assert.Equal(ExitCode.Failed, result.ExitCode);
        Assert.Contains($"MetricsFile is '{file}': use a name that ends in .prom", result.Error,
            StringComparison.Ordinal);
        Assert.Equal("precious", File.ReadAllText(file));
    }

    [Fact]
    public async Task A_daemon_that_cannot_write_the_file_does_not_start()
    {
        var result = await ResultAsync(
            RunToEndAsync("run", "--metrics-file", Path, "--engine", "unix:///no/engine"), "the daemon ends");

        Assert.Equal(ExitCode.Failed, result.ExitCode);
        Assert.Contains($"The metrics cannot be written to '{Path}'. ", result.Error, StringComparison.Ordinal);
    }

    private Task<Result> RunToEndAsync(params string[] args) =>
        Task.Run(() => Run(args), TestContext.Current.CancellationToken);

    private async Task<MetricsFile> StartAsync()
    {
        Directory.CreateDirectory(PathOf("metrics"));
        var metrics = new MetricsFile(Path, Meters, _time, new Logger<MetricsFile>(_log));
        await metrics.StartAsync(TestContext.Current.CancellationToken);
        return metrics;
    }

    private async Task PassAMinuteAsync()
    {
        await EndAsync(_time.WaitForTimersAsync(1), "the file waits for its next minute");
        _time.Pass(TimeSpan.FromMinutes(1));
        await EndAsync(_time.WaitForTimersAsync(1), "the file waits for the minute after that");
    }

    /// <summary>The metrics of this test, without those that the store counts in this process.</summary>
    private string Written()
    {
        var own = File.ReadLines(Path).Where(line => line.Contains("test_", StringComparison.Ordinal)).ToList();
        return own.Count == 0 ? "" : string.Join('\n', own) + "\n";
    }

    private static string Mode(UnixFileMode mode) =>
        "-" + string.Concat(Enumerable.Range(0, 9).Select(bit =>
            ((int)mode & (0x100 >> bit)) != 0 ? "rwxrwxrwx"[bit] : '-'));

    public override void Dispose()
    {
        _services.Dispose();
        base.Dispose();
        GC.SuppressFinalize(this);
    }
}
