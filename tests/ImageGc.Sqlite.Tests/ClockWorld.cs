namespace ImageGc.Sqlite.Tests;

/// <summary>One life of a device, drawn from a seed, lived with a real database and judged by true time.</summary>
/// <remarks>
/// Boots of a minute to a fortnight, off for seconds to a month. At boot the wall clock is right, at the time of the
/// last shutdown, in 1970, or minutes to months ahead; it is set right within fifty minutes, or never in a boot that
/// ends within the settle time. Later it may be wrong for a minute to fifty minutes. A suspend is time in which
/// nothing happens: the time since boot goes on in it. What stays out is a clock that is wrong for longer than the
/// settle time without being set: nothing can tell it from a right one, and the documentation says so.
/// </remarks>
internal sealed partial class ClockWorld : IDisposable
{
    private const long Second = 1000;
    private const long Minute = 60 * Second;
    private const long Hour = 60 * Minute;
    private const long Day = 24 * Hour;
    private const int Images = 8;
    private const int MostProcesses = 3;

    private readonly Random _random;
    private readonly Kind _kind;
    private readonly string _path;
    private readonly Action<string>? _trace;
    private readonly SimulatedDevice _device;
    private readonly long _threshold;
    private readonly List<Process> _processes = [];
    private readonly PriorityQueue<Action, long> _clockChanges = new();

    /// <summary>The uses by the true time, also those of images that were removed.</summary>
    private Rules _trueUses = Rules.Empty;

    /// <summary>What is tracked, by how long the device had been seen running.</summary>
    private Rules _tracked = Rules.Empty;

    /// <summary>What a table of wall times would track.</summary>
    private Rules _byWallAlone = Rules.Empty;

    private (string BootId, long At)? _lastWrite;
    private long _seen;
    private long _wallAtShutdown = SimulatedDevice.Start;

    public ClockWorld(int seed, Kind kind, string path, Action<string>? trace = null)
    {
        _random = new Random(seed);
        _kind = kind;
        _path = path;
        _trace = trace;
        _device = new SimulatedDevice(sameIdForEveryBoot: kind.HasFlag(Kind.SameBootId));
        _threshold = _random.Next(3) switch { 0 => Day, 1 => 3 * Day, _ => 7 * Day };
    }

    [Flags]
    internal enum Kind
    {
        Plain = 0,
        SameBootId = 1,
        TimeNamespace = 2,
        NoBootId = 4,
        Snapshots = 8,
    }

    public int Removed { get; private set; }

    public int RemovedTooEarly { get; private set; }

    public int RemovedByWallAlone { get; private set; }

    public int RemovedTooEarlyByWallAlone { get; private set; }

    public int Leaked { get; private set; }

    public void Live()
    {
        var boots = _random.Next(2, 9);
        for (var boot = 0; boot < boots; boot++)
        {
            if (boot > 0)
                Reboot();
            LiveOneBoot();
        }

        Reboot();
        Trace("the last boot, with the right time, runs for long");
        _device.Ahead = 0;
        var last = AnyProcess();
        for (var end = _seen + 2 * _threshold; _seen < end;)
        {
            PassTo(_device.Now + LogUniform(Hour, 3 * Day));
            Prune(last, []);
        }

        Leaked += _tracked.Images(Moment.OfWall(_seen)).Count();
    }

    public void Dispose() => _processes.ForEach(process => process.Store.Dispose());

    private void Reboot()
    {
        foreach (var process in _processes)
            End(process, killed: Chance(0.5));
        _processes.Clear();
        _wallAtShutdown = _device.Wall;
        _device.PassTo(_device.Now + LogUniform(Second, 30 * Day));
        _clockChanges.Clear();
        _device.Boot();
        _lastWrite = null;
    }

    private void LiveOneBoot()
    {
        _device.Ahead = _random.Next(5) switch
        {
            0 or 1 => 0,
            2 => Math.Min(0, _wallAtShutdown - _device.Now),
            3 => -_device.Now,
            _ => LogUniform(2 * Minute, 90 * Day),
        };
        var length = LogUniform(Minute, 14 * Day);
        var setAt = _device.Ahead == 0 ? 0 : LogUniform(Second, 50 * Minute);
        if (_device.Ahead != 0 && Chance(0.3))
            length = Math.Min(length, LogUniform(Minute, 59 * Minute));
        else if (_device.Ahead != 0)
            _clockChanges.Enqueue(() => SetClock(0), _device.Now + setAt);
        Trace($"boots, {Ahead()}, for {Span(length)}");

        var (wrongAt, rightAt) = (_device.Now, _device.Now + setAt);
        if (length > setAt + 2 * Minute && Chance(0.4))
        {
            wrongAt = _device.Now + setAt + LogUniform(Minute, length - setAt);
            var ahead = (Chance(0.5) ? 1 : -1) * LogUniform(2 * Minute, 60 * Day);
            rightAt = wrongAt + LogUniform(Minute, 50 * Minute);
            _clockChanges.Enqueue(() => SetClock(ahead), wrongAt);
            _clockChanges.Enqueue(() => SetClock(0), rightAt);
        }

        var end = _device.Now + length;
        var happenings = Enumerable.Range(0, (int)LogUniform(1, 12)).Select(_ => _random.Next(3) switch
        {
            0 => _device.Now + LogUniform(Second, length),
            1 => _device.Now + _random.NextInt64(length),
            _ => _random.NextInt64(wrongAt, rightAt + 5 * Minute),
        }).Order().TakeWhile(at => at < end).ToList();
        foreach (var at in happenings)
        {
            PassTo(at);
            Happen();
        }

        PassTo(end);
    }

    private void SetClock(long ahead)
    {
        _device.Ahead = ahead;
        Trace($"the clock is set: {Ahead()}");
    }

    private void PassTo(long time)
    {
        while (_clockChanges.TryPeek(out var change, out var at) && at <= time)
        {
            _clockChanges.Dequeue();
            _device.PassTo(at);
            change();
        }

        _device.PassTo(time);
    }

    private void Happen()
    {
        var process = AnyProcess();
        switch (_random.Next(20))
        {
            case < 9:
                Record(process, SomeImages(_random.Next(1, 4)));
                break;
            case < 15:
                Prune(process, SomeImages(_random.Next(0, 3)));
                break;
            case < 17:
                process.Store.CorrectTimes();
                break;
            case < 19:
                End(process, killed: Chance(0.5));
                _processes.Remove(process);
                break;
            default:
                if (_kind.HasFlag(Kind.Snapshots))
                    GoBack();
                break;
        }
    }

    /// <summary>Processes that stood in the memory of the snapshot must be started anew, and are.</summary>
    private void GoBack()
    {
        foreach (var process in _processes)
            End(process, killed: true);
        _processes.Clear();
        _device.GoBackTo(_random.NextInt64(_device.SinceBoot + 1));
        _lastWrite = null;
        Trace($"goes back to {Span(_device.SinceBoot)} since boot: {Ahead()}");
        if (_clockChanges.Count == 0)
            _clockChanges.Enqueue(() => SetClock(0), _device.Now + LogUniform(Second, 50 * Minute));
    }

    private string[] SomeImages(int count) =>
        [.. Enumerable.Range(0, count).Select(_ => $"image-{_random.Next(Images)}").Distinct()];

    private bool Chance(double probability) => _random.NextDouble() < probability;

    private long LogUniform(long least, long most) =>
        (long)(least * Math.Pow((double)Math.Max(most, least) / least, _random.NextDouble()));

    private string Ahead() => _device.Ahead == 0
        ? "the clock is right"
        : $"the clock is {(_device.Ahead > 0 ? "ahead" : "behind")} by {Span(Math.Abs(_device.Ahead))}";

    private void Trace(string what) =>
        _trace?.Invoke($"{Span(_device.Now - SimulatedDevice.Start)} (boot {Span(_device.SinceBoot)}): {what}");

    private static string Span(long milliseconds) => $"{TimeSpan.FromMilliseconds(milliseconds):d\\.hh\\:mm\\:ss}";

    private sealed record Process(ProcessClock Clock, ImageUseStore Store);
}
