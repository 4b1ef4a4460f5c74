using System.Diagnostics.Metrics;
using ImageGc.Sqlite;

namespace ImageGc.Hosting;

/// <summary>The meter `ImageGc`.</summary>
internal sealed class Metrics : IDisposable
{
    private readonly Meter _meter = new("ImageGc");
    private readonly Counter<long> _removals;
    private readonly Counter<long> _failures;
    private readonly Histogram<double> _runs;

    public Metrics(Func<ImageUseStore> store)
    {
        _removals = _meter.CreateCounter<long>("imagegc.removals", "{image}", "Images removed from the engine");
        _failures = _meter.CreateCounter<long>("imagegc.failures", "{image}", "Images that could not be removed");
        _runs = _meter.CreateHistogram<double>("imagegc.run.duration", "s", "How long a run took");
        _meter.CreateObservableGauge("imagegc.tracked", () => Tracked(store), "{image}", "Images tracked");
    }

    public void Removed() => _removals.Add(1);

    public void Failed() => _failures.Add(1);

    public void Ran(TimeSpan time) => _runs.Record(time.TotalSeconds);

    public void Dispose() => _meter.Dispose();

    private static Measurement<long>[] Tracked(Func<ImageUseStore> store)
    {
        try
        {
            return [new(store().Count())];
        }
        catch (Exception exception) when (exception is ImageUseStoreException or ObjectDisposedException)
        {
            return []; // What cannot be read has no value; the health check says why.
        }
    }
}
