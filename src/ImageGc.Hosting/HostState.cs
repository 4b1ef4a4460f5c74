using ImageGc.Sqlite;
using Microsoft.Extensions.Options;

namespace ImageGc.Hosting;

/// <summary>What the host is doing, which it stores in the database at every change.</summary>
internal sealed class HostState(
    Func<ImageUseStore> store, IOptions<ImageGarbageCollectionOptions> options, IContainerEngine engine,
    IEnumerable<IProgress<HostStatus>> listeners, TimeProvider time)
{
    /// <summary>If the clock changes by less, it is adjusted and not set, and times that were noted stay.</summary>
    internal static readonly TimeSpan ClockStep = TimeSpan.FromMinutes(1);

    private readonly long _started = time.GetTimestamp();

    private readonly Lock _oneAtATime = new();
    private readonly SortedDictionary<HostPart, PartState> _parts = [];
    private DateTimeOffset? _nextRunAt;
    private bool _isOwner;
    private bool _isStopped;

    private readonly Lock _noting = new();
    private HostStatus? _noted;
    private HostStatus? _inherited;
    private string? _reported;

    /// <summary>Whether the host runs; false if the program only cleans up once.</summary>
    public bool IsRunning { get; private set; }

    /// <summary>The parts that have worked or failed so far.</summary>
    public IReadOnlyList<KeyValuePair<HostPart, PartState>> Parts
    {
        get
        {
            lock (_oneAtATime)
                return [.. _parts];
        }
    }

    /// <summary>The settings of the host and its engine.</summary>
    public IReadOnlyDictionary<string, string> Settings => engine.Settings.Concat(options.Value.ToSettings())
        .GroupBy(setting => setting.Key).ToDictionary(setting => setting.Key, setting => setting.Last().Value);

    /// <summary>Whether the part does nothing, so that a problem that an earlier host had with it is over.</summary>
    public bool IsOff(HostPart part) => part switch
    {
        HostPart.Watching => !IsRunning || !options.Value.WatchContainers,
        HostPart.Cleanup => IsRunning && !options.Value.Enabled,
        HostPart.Disk => !options.Value.Enabled || options.Value.HighThreshold is null,
        _ => false,
    };

    public void Start() => (IsRunning, _isStopped) = (true, false);

    /// <summary>Begins to store the status. Call it once no other host can do so.</summary>
    public void Own()
    {
        if (_isOwner)
            return;
        HostStatus? last = null;
        try
        {
            last = HostStatus.ReadFrom(store());
        }
        catch (Exception exception) when (exception is ImageUseStoreException or ObjectDisposedException)
        {
            // The problems of the last host stay unknown.
        }

        Change(() => (_isOwner, _inherited) = (true, last));
    }

    public void Stop() => Change(() => _isStopped = true);

    public void NextRun(DateTimeOffset at) => Change(() => _nextRunAt = at);

    /// <inheritdoc cref="Health.Report"/>
    public void Report(HostPart part, Exception? failure, long? since)
    {
        var problem = failure is null ? null : HostingLog.Sentence(failure);
        Change(
            () =>
            {
                var before = _parts.GetValueOrDefault(part);
                var isAsBefore = before is not null && before.Problem is null == problem is null;
                if (!isAsBefore || before!.Problem != problem)
                    _parts[part] = new PartState(
                        isAsBefore ? before!.Since : since ?? time.GetTimestamp(), failure, problem);
            },
            isNoted: part != HostPart.Database);
    }

    /// <summary>Converts a timestamp to UTC by the clock as it is now, which may have been set since.</summary>
    public DateTimeOffset TimeOf(long timestamp) => time.GetUtcNow() - time.GetElapsedTime(timestamp);

    /// <remarks>
    /// Two locks: the health check needs the state, and must not wait for a write to the database.
    /// </remarks>
    private void Change(Action change, bool isNoted = true)
    {
        lock (_oneAtATime)
            change();
        if (!isNoted)
            return;
        lock (_noting)
        {
            HostStatus status;
            bool isOwner; // Read with the status, which lacks the problems of an earlier host before Own.
            lock (_oneAtATime)
                (status, isOwner) = (Compose(), _isOwner);
            var line = status.ToString();
            if (line != _reported)
            {
                foreach (var listener in listeners)
                    ReportTo(listener, status);
            }

            _reported = line;
            if (isOwner && status.ToJson() != _noted?.ToJson() && TryNote(status))
                _noted = status;
        }
    }

    private static void ReportTo(IProgress<HostStatus> listener, HostStatus status)
    {
        try
        {
            listener.Report(status);
        }
#pragma warning disable CA1031 // A listener that fails misses one change, and must not stop the host.
        catch (Exception)
#pragma warning restore CA1031
        {
            // The next change is reported to it again.
        }
    }

    private bool TryNote(HostStatus status)
    {
        try
        {
            store().RecordUse([], new Dictionary<string, string> { [HostStatus.Note] = status.ToJson() });
            return true;
        }
#pragma warning disable CA1031 // Only the note is missing, and the next change writes it.
        catch (Exception)
#pragma warning restore CA1031
        {
            return false; // Most likely the database fails, which is what the status would say.
        }
    }

    private HostStatus Compose()
    {
        var before = _noted ?? _inherited;
        var problems = Enum.GetValues<HostPart>().Where(part => part != HostPart.Database)
            .Select(part => ProblemOf(part, before)).OfType<HostProblem>().ToList();
        // A problem that goes on is noted already, so the last problem is the latest that is not.
        var began = problems.Where(problem => before?.Problems.Contains(problem) != true)
            .MaxBy(problem => problem.Since);
        var watching = _parts.GetValueOrDefault(HostPart.Watching);
        return new HostStatus
        {
            StartedAt = Near(_noted?.StartedAt, TimeOf(_started)),
            StoppedAt = _isStopped ? Near(_noted?.StoppedAt, time.GetUtcNow()) : null,
            IsOnce = !IsRunning,
            WatchingSince = watching is { Problem: null } && !_isStopped
                ? Near(_noted?.WatchingSince, TimeOf(watching.Since))
                : null,
            NextRunAt = _isStopped || _nextRunAt is not { } next ? null : ToSecond(next),
            Problems = problems,
            LastProblem = began ?? before?.LastProblem,
            Settings = Settings,
        };
    }

    /// <summary>A problem that an earlier host noted stays one until this host has tried the same.</summary>
    private HostProblem? ProblemOf(HostPart part, HostStatus? before)
    {
        if (IsOff(part))
            return null;
        var name = HostProblem.NameOf(part);
        var noted = before?.Problems.FirstOrDefault(problem => problem.Part == name);
        if (!_parts.TryGetValue(part, out var state))
            return noted;
        return state.Problem is { } problem
            ? new HostProblem(name, Near(noted?.Since, TimeOf(state.Since)), problem)
            : null;
    }

    /// <summary>Returns the time that was noted, unless the clock was set since.</summary>
    private static DateTimeOffset Near(DateTimeOffset? noted, DateTimeOffset now) =>
        noted is { } before && (before - now).Duration() < ClockStep ? before : ToSecond(now);

    private static DateTimeOffset ToSecond(DateTimeOffset moment) =>
        DateTimeOffset.FromUnixTimeSeconds(moment.ToUnixTimeSeconds());

    /// <param name="Since">The timestamp at which it began to work or to fail.</param>
    /// <param name="Failure">Why it fails; null if it works.</param>
    /// <param name="Problem">The failure as a sentence.</param>
    internal sealed record PartState(long Since, Exception? Failure, string? Problem);
}
