using System.Diagnostics.Metrics;
using ImageGc.Sqlite;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace ImageGc.Hosting.Tests;

/// <summary>The metrics of a host.</summary>
public sealed class MetricsTests : HostTest
{
    private readonly Dictionary<string, double> _measured = [];
    private readonly MeterListener _listener = new();

    [Fact]
    public async Task Removals_failures_freed_bytes_and_runs_are_counted()
    {
        using var host = Build();
        Listen(host);
        Engine.Images.AddRange([OwnEngine.Image("stuck"), OwnEngine.Image("old"), OwnEngine.Image("older")]);
        Engine.UsedPercent = () => 10 * Engine.Images.Count;
        StoreOf(host).RecordUse(["stuck", "old", "older", "gone"]);
        Time.Pass(TimeSpan.FromDays(8));

        await host.Services.GetRequiredService<Cleanup>().RunAsync(PruneKind.Scheduled, null, null, Cancel);

        Assert.Equal(
            ("2 removals", "1 failures", "20000000 freed", "1 runs"),
            ($"{_measured["imagegc.removals"]} removals", $"{_measured["imagegc.failures"]} failures",
                $"{_measured["imagegc.freed"]} freed", $"{_measured["imagegc.run.duration"]} runs"));
        Observe();
        Assert.Equal(
            (2, 1, 0.1),
            (_measured["imagegc.tracked"], _measured["imagegc.not_removed"], _measured["imagegc.disk.used"]));
    }

    [Fact]
    public void Records_of_the_store_are_counted()
    {
        using var host = Build();
        ListenTo(scope: null);
        var test = Environment.CurrentManagedThreadId; // Other tests record at the same time.
        double records = 0;
        _listener.SetMeasurementEventCallback<long>((instrument, value, _, _) =>
            records += instrument.Name == "imagegc.records" && Environment.CurrentManagedThreadId == test ? value : 0);

        StoreOf(host).RecordUse(["one", "two"]);

        Assert.Equal(2, records);
    }

    [Fact]
    public async Task A_disabled_host_has_no_age_of_its_last_cleanup()
    {
        using (var earlier = Build())
            await earlier.Services.GetRequiredService<Cleanup>().RunAsync(PruneKind.Scheduled, null, null, Cancel);
        using var host = Build(("Enabled", "false"));
        Listen(host);
        await host.StartAsync(Cancel);
        await UntilAsync(() => Log.Events().Contains(101));
        await UntilAsync(() => host.Services.GetRequiredService<HostState>().IsOff(HostPart.Cleanup));

        Observe();

        Assert.DoesNotContain("imagegc.cleanup.age", _measured.Keys);
        await host.StopAsync(Cancel);
    }

    [Fact]
    public async Task The_age_of_the_last_cleanup_counts_from_the_first_failure_while_cleanups_fail()
    {
        using var host = Build(("ClockSettleTime", "0"), ("CleanupTime", "13:00"));
        Listen(host);
        await host.StartAsync(Cancel);
        await LiveAsync(TimeSpan.FromMinutes(30));
        Observe();
        Assert.DoesNotContain("imagegc.cleanup.age", _measured.Keys); // None so far.

        await LiveAsync(TimeSpan.FromMinutes(60)); // The test begins at 12:00, so this passes 13:00.
        await LiveAsync(TimeSpan.FromDays(1));
        Observe();
        var last = StoreOf(host).LastPrune(PruneKind.Scheduled)!.PrunedAt;
        Assert.Equal((Time.GetUtcNow() - last).TotalSeconds, _measured["imagegc.cleanup.age"]);

        // From now on each run ends in the middle, and is in the history nevertheless.
        Engine.RemovalFailure = new EngineUnavailableException("The engine is away.");
        Engine.Images.Add(OwnEngine.Image("old"));
        StoreOf(host).RecordUse("old");
        await LiveAsync(TimeSpan.FromDays(10));
        Observe();
        var failing = ProblemsOf(host).Single(problem => problem.Part == "cleanup").Since;
        Assert.True(StoreOf(host).LastPrune(PruneKind.Scheduled)!.PrunedAt > failing);
        Assert.Equal((Time.GetUtcNow() - failing).TotalSeconds, _measured["imagegc.cleanup.age"]);
        await host.StopAsync(Cancel);
    }

    [Fact]
    public async Task Each_enabled_part_says_whether_it_works()
    {
        Engine.Failure = new EngineUnavailableException("The engine is away.");
        using var host = Build(("WatchContainers", "true"));
        Listen(host);
        await host.StartAsync(Cancel);
        await UntilAsync(
            () => ProblemsOf(host).Select(problem => problem.Part).Order().SequenceEqual(["cleanup", "watching"]),
            Time, TimeSpan.FromSeconds(1));
        Observe();
        Assert.Equal(0, _measured["imagegc.working watching"]);
        Assert.Equal(0, _measured["imagegc.working cleanup"]);
        Assert.DoesNotContain("imagegc.working disk", _measured.Keys);

        Engine.Failure = null;
        await UntilAsync(() => ProblemsOf(host).Count == 0, Time, TimeSpan.FromSeconds(1));
        Observe();
        Assert.Equal(1, _measured["imagegc.working watching"]);
        Assert.Equal(1, _measured["imagegc.working cleanup"]);
        await host.StopAsync(Cancel);
    }

    [Fact]
    public void A_value_that_cannot_be_known_is_left_out()
    {
        using var host = Build(("DatabasePath", PathOf("missing/image_use.db")));
        Engine.UsedPercent = () => null;
        Listen(host);

        Observe();

        Assert.DoesNotContain(_measured.Keys, name => name is "imagegc.tracked" or "imagegc.cleanup.age"
            or "imagegc.disk.used");
    }

    private void Listen(IHost host)
    {
        _ = host.Services.GetRequiredService<Metrics>();
        ListenTo(host.Services.GetRequiredService<IMeterFactory>());
    }

    private void ListenTo(object? scope)
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter.Name == "ImageGc" && instrument.Meter.Scope == scope)
                listener.EnableMeasurementEvents(instrument);
        };
        _listener.SetMeasurementEventCallback<long>((instrument, value, _, _) => Measure(instrument, value));
        _listener.SetMeasurementEventCallback<int>((instrument, value, tags, _) =>
            Measure(instrument, value, tags.Length == 0 ? "" : $" {tags[0].Value}"));
        _listener.SetMeasurementEventCallback<double>((instrument, value, _, _) =>
            Measure(instrument, instrument is Histogram<double> ? 1 : value));
        _listener.Start();
    }

    /// <summary>Adds to a counter or histogram, and replaces the value of an observable instrument.</summary>
    private void Measure(Instrument instrument, double value, string tag = "")
    {
        lock (_measured)
            _measured[instrument.Name + tag] = value
                + (instrument.IsObservable ? 0 : _measured.GetValueOrDefault(instrument.Name));
    }

    private void Observe() => _listener.RecordObservableInstruments();

    public override void Dispose()
    {
        _listener.Dispose();
        base.Dispose();
    }
}
