using System.Diagnostics.Metrics;
using ImageGc.Sqlite;

namespace ImageGc.Hosting;

/// <summary>The instruments of the meter `ImageGc` that the store does not have itself.</summary>
internal sealed class Metrics : IDisposable
{
    /// <summary>How long a collection of metrics waits for an engine that hangs.</summary>
    private static readonly TimeSpan LongestMeasurement = TimeSpan.FromSeconds(2);

    private const string Name = "ImageGc";

    private readonly Meter _meter;
    private readonly Counter<long> _removals;
    private readonly Counter<long> _failures;
    private readonly Counter<long> _freed;
    private readonly Histogram<double> _runs;
    private readonly Func<ImageUseStore> _store;
    private readonly ImageDisk _disk;
    private readonly TimeProvider _time;

    public Metrics(
        Func<ImageUseStore> store, ImageDisk disk, HostState state, TimeProvider time, IMeterFactory? meters = null)
    {
        (_store, _disk, _time) = (store, disk, time);
        // A factory gives each host a meter of its own. Services that were built without a host have none.
        _meter = meters?.Create(Name) ?? new Meter(Name);
        _removals = _meter.CreateCounter<long>("imagegc.removals", "{image}", "Images removed from the engine");
        _failures = _meter.CreateCounter<long>("imagegc.failures", "{image}", "Images that could not be removed");
        _freed = _meter.CreateCounter<long>("imagegc.freed", "By", "Bytes freed by removals, as far as known");
        _runs = _meter.CreateHistogram<double>("imagegc.run.duration", "s", "Duration of the runs that remove images");
        _meter.CreateObservableGauge(
            "imagegc.tracked", () => IfKnown<long>(() => store().Count()), "{image}", "Tracked images");
        _meter.CreateObservableGauge(
            "imagegc.cleanup.age", () => IfKnown(() => state.IsOff(HostPart.Cleanup) ? null : CleanupAge()), "s",
            "Time since the last scheduled cleanup, or since cleanups began to fail");
        _meter.CreateObservableGauge(
            "imagegc.not_removed", () => IfKnown<int>(() => store().ListFailedRemovals().Count), "{image}",
            "Images that the last cleanups could not remove");
        _meter.CreateObservableGauge(
            "imagegc.disk.used", () => IfKnown(DiskUsed), "1", "Usage of the disk that holds the images, from 0 to 1");
        _meter.CreateObservableGauge(
            "imagegc.working", () => state.Parts.Select(Working), unit: null,
            "Whether a part of the host works: 1, or 0 while it fails");
    }

    public void Removed() => _removals.Add(1);

    public void Failed() => _failures.Add(1);

    public void Freed(long bytes) => _freed.Add(bytes);

    public void Ran(TimeSpan time) => _runs.Record(time.TotalSeconds);

    public void Dispose() => _meter.Dispose();

    /// <remarks>
    /// The history also has runs that failed half-way. If cleanups began to fail before the last run, that time counts.
    /// </remarks>
    private double? CleanupAge()
    {
        var store = _store();
        var last = store.LastPrune(PruneKind.Scheduled)?.PrunedAt;
        var failing = HostStatus.ReadFrom(store)?.Problems
            .FirstOrDefault(problem => problem.Part == HostProblem.NameOf(HostPart.Cleanup))?.Since;
        var good = failing < last ? failing : last ?? failing;
        return (_time.GetUtcNow() - good)?.TotalSeconds;
    }

    private double? DiskUsed()
    {
        // The callback of an observable instrument is synchronous, so it blocks the listener until the limit.
        using var limit = new CancellationTokenSource(LongestMeasurement, _time);
        return _disk.TryMeasureAsync(limit.Token).GetAwaiter().GetResult()?.UsedPercent / 100;
    }

    private static Measurement<int> Working(KeyValuePair<HostPart, HostState.PartState> part) => new(
        part.Value.Problem is null ? 1 : 0,
        new KeyValuePair<string, object?>("part", HostProblem.NameOf(part.Key)));

    /// <summary>Reports no value if the database cannot be read. The health check reports why.</summary>
    private static Measurement<T>[] IfKnown<T>(Func<T?> measure)
        where T : struct
    {
        try
        {
            return measure() is { } value ? [new(value)] : [];
        }
        catch (Exception exception) when (exception is ImageUseStoreException or ObjectDisposedException)
        {
            return [];
        }
    }
}
