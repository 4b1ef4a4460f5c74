using System.Diagnostics.Metrics;
using ImageGc.Sqlite;

namespace ImageGc.Hosting;

/// <summary>The meter `ImageGc`, with what the store does not count itself.</summary>
internal sealed class Metrics : IDisposable
{
    /// <summary>An engine that hangs must not block the collection of metrics.</summary>
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
        _meter = meters?.Create(Name) ?? new Meter(Name);
        _removals = _meter.CreateCounter<long>("imagegc.removals", "{image}", "Images removed from the engine");
        _failures = _meter.CreateCounter<long>("imagegc.failures", "{image}", "Images that could not be removed");
        _freed = _meter.CreateCounter<long>("imagegc.freed", "By", "Bytes freed by removals, where that is known");
        _runs = _meter.CreateHistogram<double>("imagegc.run.duration", "s", "How long a run took");
        _meter.CreateObservableGauge(
            "imagegc.tracked", () => IfKnown<long>(() => store().Count()), "{image}", "Images tracked");
        _meter.CreateObservableGauge(
            "imagegc.cleanup.age", () => IfKnown(() => state.IsOff(HostPart.Cleanup) ? null : CleanupAge()), "s",
            "Time since the last scheduled cleanup, or since cleanups began to fail");
        _meter.CreateObservableGauge(
            "imagegc.not_removed", () => IfKnown<int>(() => store().ListFailedRemovals().Count), "{image}",
            "Images that the last cleanups could not remove");
        _meter.CreateObservableGauge(
            "imagegc.disk.used", () => IfKnown(DiskUsed), "1", "How full the disk of the images is, from 0 to 1");
        _meter.CreateObservableGauge(
            "imagegc.working", () => state.Parts.Select(Working), unit: null,
            "Whether a part of the host works: 1, or 0 while it fails");
    }

    public void Removed() => _removals.Add(1);

    public void Failed() => _failures.Add(1);

    public void Freed(long bytes) => _freed.Add(bytes);

    public void Ran(TimeSpan time) => _runs.Record(time.TotalSeconds);

    public void Dispose() => _meter.Dispose();

    /// <remarks>A run that ended half-way is in the history too: the failure since then says so.</remarks>
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
        using var limit = new CancellationTokenSource(LongestMeasurement, _time);
        return _disk.TryMeasureAsync(limit.Token).GetAwaiter().GetResult()?.UsedPercent / 100;
    }

    private static Measurement<int> Working(KeyValuePair<HostPart, HostState.PartState> part) => new(
        part.Value.Problem is null ? 1 : 0,
        new KeyValuePair<string, object?>("part", HostProblem.NameOf(part.Key)));

    /// <summary>What cannot be read has no value; the health check says why.</summary>
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
