using System.Diagnostics.Metrics;
using System.Globalization;
using System.Text;
using ImageGc.Cli.Execution;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace ImageGc.Cli.Hosting;

/// <summary>
/// Writes the meter `ImageGc` to a file each minute, in the text format of Prometheus, for the textfile collector of
/// node_exporter. The file is removed when the daemon stops. If the daemon is killed, it stays and its age grows.
/// </summary>
internal sealed partial class MetricsFile(
    string path, IMeterFactory meters, TimeProvider time, ILogger<MetricsFile> log) : BackgroundService
{
    public const string Setting = "MetricsFile";

    /// <summary>A mistyped path must not be able to replace another file.</summary>
    public const string AcceptedForms = "use a name that ends in .prom, because node_exporter reads no other files";

    public static bool IsAccepted(string path) => path.EndsWith(".prom", StringComparison.Ordinal);

    private const string MeterName = "ImageGc";

    /// <summary>Set explicitly: the unit has UMask=0077, and node_exporter runs as another user.</summary>
    private const UnixFileMode Mode =
        UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(1);

    /// <summary>The new content until it is complete. The collector reads only `*.prom`.</summary>
    private readonly string _unfinished = $"{path}.tmp";

    private readonly Lock _oneAtATime = new();
    private readonly SortedDictionary<string, Metric> _metrics = new(StringComparer.Ordinal);
    private readonly MeterListener _listener = new();
    private string? _lastFailure;

    /// <exception cref="CommandFailedException">The file cannot be written.</exception>
    public override Task StartAsync(CancellationToken cancellationToken)
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            // The meter of the store has no scope. The meter of another host in this process has another scope.
            if (instrument.Meter.Name != MeterName || (instrument.Meter.Scope ?? meters) != meters)
                return;
            lock (_oneAtATime)
                _metrics[instrument.Name] = new Metric(instrument);
            listener.EnableMeasurementEvents(instrument);
        };
        _listener.SetMeasurementEventCallback<int>((instrument, value, tags, _) => Measure(instrument, value, tags));
        _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Measure(instrument, value, tags));
        _listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Measure(instrument, value, tags));
        _listener.Start();
        try
        {
            Write();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new CommandFailedException(
                $"The metrics cannot be written to '{path}'. {exception.Message} Name a file in a directory that "
                + "exists and that this user can write to.");
        }

        return base.StartAsync(cancellationToken);
    }

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        Try(() => File.Delete(path));
    }

    public override void Dispose()
    {
        _listener.Dispose();
        base.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (true)
        {
            await Task.Delay(Interval, time, stoppingToken);
            Try(Write);
        }
    }

    private void Try(Action work)
    {
        try
        {
            work();
            _lastFailure = null;
        }
#pragma warning disable CA1031 // A failure of the metrics must not stop the daemon.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            if (exception.Message != _lastFailure)
                NotWritten(log, path, exception.Message);
            _lastFailure = exception.Message;
        }
    }

    private void Write()
    {
        lock (_oneAtATime)
        {
            foreach (var metric in _metrics.Values)
                metric.BeginToObserve();
        }

        // Outside the lock: threads that count must not wait while gauges are measured.
        _listener.RecordObservableInstruments();
        var text = new StringBuilder();
        lock (_oneAtATime)
        {
            foreach (var metric in _metrics.Values)
                metric.AppendTo(text);
        }

        // Renaming it replaces the file at once, so that the collector never reads a part of it.
        File.WriteAllText(_unfinished, text.ToString());
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(_unfinished, Mode);
        File.Move(_unfinished, path, overwrite: true);
    }

    private void Measure(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        lock (_oneAtATime)
            _metrics[instrument.Name].Add(value, tags.Length == 0 ? "" : $"{{{tags[0].Key}=\"{tags[0].Value}\"}}");
    }

    [LoggerMessage(201, LogLevel.Warning,
        "Could not write the metrics to {Path}: {Why} Next try in 1m; this is logged again only if the reason changes")]
    private static partial void NotWritten(ILogger logger, string path, string why);

    /// <summary>One instrument, named as OpenTelemetry names it for Prometheus: with its unit, and `_total`.</summary>
    private sealed class Metric(Instrument instrument)
    {
        private readonly bool _isCounter = instrument is Counter<long>;

        private readonly string _name = instrument.Name.Replace('.', '_')
            + instrument.Unit switch { "s" => "_seconds", "By" => "_bytes", "1" => "_ratio", _ => "" };

        /// <summary>The samples by their labels.</summary>
        private readonly SortedDictionary<string, (double Sum, long Count)> _samples = instrument.IsObservable
            ? new(StringComparer.Ordinal)
            : new(StringComparer.Ordinal) { [""] = default }; // A counter is 0 before anything happens.

        /// <summary>A gauge that cannot be measured now has no value, and must not keep its last one.</summary>
        public void BeginToObserve()
        {
            if (instrument.IsObservable)
                _samples.Clear();
        }

        public void Add(double value, string labels)
        {
            var (sum, count) = _samples.GetValueOrDefault(labels);
            _samples[labels] = (sum + value, count + 1);
        }

        public void AppendTo(StringBuilder text)
        {
            if (_samples.Count == 0)
                return;
            var isSummary = instrument is Histogram<double>;
            var name = _isCounter ? $"{_name}_total" : _name;
            var type = isSummary ? "summary" : _isCounter ? "counter" : "gauge";
            text.Append(CultureInfo.InvariantCulture, $"# HELP {name} {instrument.Description}.\n");
            text.Append(CultureInfo.InvariantCulture, $"# TYPE {name} {type}\n");
            foreach (var (labels, (sum, count)) in _samples)
            {
                text.Append(CultureInfo.InvariantCulture, $"{name}{(isSummary ? "_sum" : "")}{labels} {sum}\n");
                if (isSummary)
                    text.Append(CultureInfo.InvariantCulture, $"{name}_count{labels} {count}\n");
            }
        }
    }
}
