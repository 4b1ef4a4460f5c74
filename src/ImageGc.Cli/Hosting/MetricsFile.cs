using System.Diagnostics.Metrics;
using System.Globalization;
using System.Text;
using ImageGc.Cli.Execution;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace ImageGc.Cli.Hosting;

/// <summary>
/// Writes the meter `ImageGc` to a file each minute, in the text format of Prometheus, for the textfile collector of
/// node_exporter. The file is gone when the daemon stops; when it is killed, the file's age says so.
/// </summary>
internal sealed partial class MetricsFile(string path, TimeProvider time, ILogger<MetricsFile> log) : BackgroundService
{
    public const string Setting = "MetricsFile";

    private const string MeterName = "ImageGc";

    /// <summary>Whoever runs node_exporter may read it.</summary>
    private const UnixFileMode Mode =
        UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(1);

    /// <summary>The collector reads `*.prom`, and so leaves it alone.</summary>
    private readonly string _unfinished = $"{path}.tmp";

    private readonly Lock _oneAtATime = new();
    private readonly SortedDictionary<string, Metric> _metrics = new(StringComparer.Ordinal);
    private readonly MeterListener _listener = new();

    /// <exception cref="CommandFailedException">The file cannot be written.</exception>
    public override Task StartAsync(CancellationToken cancellationToken)
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter.Name != MeterName)
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
                + "exists and that this user may write to.");
        }

        return base.StartAsync(cancellationToken);
    }

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        File.Delete(path);
    }

    public override void Dispose()
    {
        _listener.Dispose();
        base.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        string? said = null;
        while (true)
        {
            await Task.Delay(Interval, time, stoppingToken);
            try
            {
                Write();
                said = null;
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                if (exception.Message != said)
                    NotWritten(log, path, exception.Message);
                said = exception.Message;
            }
        }
    }

    private void Write()
    {
        lock (_oneAtATime)
        {
            foreach (var metric in _metrics.Values.Where(metric => metric.IsObserved))
                metric.Samples.Clear(); // What cannot be measured now has no value.
        }

        _listener.RecordObservableInstruments();
        var text = new StringBuilder();
        lock (_oneAtATime)
        {
            foreach (var metric in _metrics.Values)
                metric.AppendTo(text);
        }

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
        "Could not write the metrics to {Path}: {Why} This is tried each minute, and not logged again")]
    private static partial void NotWritten(ILogger logger, string path, string why);

    /// <summary>One instrument, named as OpenTelemetry names it for Prometheus: with its unit, and `_total`.</summary>
    private sealed class Metric(Instrument instrument)
    {
        private readonly bool _isCounter = instrument is Counter<long>;

        private readonly string _name = instrument.Name.Replace('.', '_')
            + instrument.Unit switch { "s" => "_seconds", "By" => "_bytes", "1" => "_ratio", _ => "" };

        /// <summary>By their labels.</summary>
        public SortedDictionary<string, (double Sum, long Count)> Samples { get; } = instrument.IsObservable
            ? new(StringComparer.Ordinal)
            : new(StringComparer.Ordinal) { [""] = default }; // A counter is 0 before anything happens.

        public bool IsObserved => instrument.IsObservable;

        public void Add(double value, string labels)
        {
            var (sum, count) = Samples.GetValueOrDefault(labels);
            Samples[labels] = (sum + value, count + 1);
        }

        public void AppendTo(StringBuilder text)
        {
            if (Samples.Count == 0)
                return;
            var isSummary = instrument is Histogram<double>;
            var name = _isCounter ? $"{_name}_total" : _name;
            var type = isSummary ? "summary" : _isCounter ? "counter" : "gauge";
            text.Append(CultureInfo.InvariantCulture, $"# HELP {name} {instrument.Description}.\n");
            text.Append(CultureInfo.InvariantCulture, $"# TYPE {name} {type}\n");
            foreach (var (labels, (sum, count)) in Samples)
            {
                text.Append(CultureInfo.InvariantCulture, $"{name}{(isSummary ? "_sum" : "")}{labels} {sum}\n");
                if (isSummary)
                    text.Append(CultureInfo.InvariantCulture, $"{name}_count{labels} {count}\n");
            }
        }
    }
}
