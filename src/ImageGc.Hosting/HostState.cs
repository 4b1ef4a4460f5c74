using ImageGc.Sqlite;
using Microsoft.Extensions.Options;

namespace ImageGc.Hosting;

/// <summary>What of a host can fail by itself while the rest goes on.</summary>
internal enum HostPart
{
    Database,
    Recording,
    Watching,
    Cleanup,
    Disk,
}

/// <summary>What a host is doing, which it notes whenever that changes.</summary>
internal sealed class HostState(
    Func<ImageUseStore> store, IOptions<ImageGarbageCollectionOptions> options, IContainerEngine engine,
    IEnumerable<IProgress<HostStatus>> listeners, TimeProvider time)
{
    /// <summary>By how much a noted time may differ from what the clock says now.</summary>
    private static readonly TimeSpan ClockSet = TimeSpan.FromMinutes(1);

    private readonly long _started = time.GetTimestamp();

    private readonly Lock _oneAtATime = new();
    private readonly SortedDictionary<HostPart, PartState> _parts = [];
    private DateTimeOffset? _nextRunAt;
    private bool _isOwner;
    private bool _isStopped;

    private readonly Lock _noting = new();
    private HostStatus? _noted;
    private HostStatus? _inherited;
    private string? _told;

    /// <summary>Whether the host runs, instead of only being asked to clean up.</summary>
    public bool IsRunning { get; private set; }

    public IReadOnlyList<KeyValuePair<HostPart, PartState>> Parts
    {
        get
        {
            lock (_oneAtATime)
                return [.. _parts];
        }
    }

    /// <summary>Of the host and its engine.</summary>
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

    /// <summary>No other host notes its status in this database while this one lives.</summary>
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
            // Then what the last host could not do is not known.
        }

        Change(() => (_isOwner, _inherited) = (true, last));
    }

    public void Stop() => Change(() => _isStopped = true);

    public void NextRun(DateTimeOffset at) => Change(() => _nextRunAt = at);

    /// <param name="part">The part.</param>
    /// <param name="failure">Why it does not work; null if it does.</param>
    /// <param name="since">The timestamp since which it does not; now if null.</param>
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

    /// <summary>By the clock as it is now: the device may have learnt the time since.</summary>
    public DateTimeOffset TimeOf(long timestamp) => time.GetUtcNow() - time.GetElapsedTime(timestamp);

    /// <remarks>The database is not written to while the state is locked, which the health check asks for.</remarks>
    private void Change(Action change, bool isNoted = true)
    {
        lock (_oneAtATime)
            change();
        if (!isNoted)
            return;
        lock (_noting)
        {
            HostStatus status;
            bool isOwner; // As it was composed: what an earlier host noted is known only to an owner.
            lock (_oneAtATime)
                (status, isOwner) = (Compose(), _isOwner);
            var line = status.ToString();
            if (line != _told)
            {
                foreach (var listener in listeners)
                    Tell(listener, status);
            }

            _told = line;
            if (isOwner && status.ToJson() != _noted?.ToJson() && TryNote(status))
                _noted = status;
        }
    }

    private static void Tell(IProgress<HostStatus> listener, HostStatus status)
    {
        try
        {
            listener.Report(status);
        }
#pragma warning disable CA1031 // Whatever it is, only somebody who looks on misses a line.
        catch (Exception)
#pragma warning restore CA1031
        {
            // The next change is told again.
        }
    }

    private bool TryNote(HostStatus status)
    {
        try
        {
            store().RecordUse([], new Dictionary<string, string> { [HostStatus.Note] = status.ToJson() });
            return true;
        }
#pragma warning disable CA1031 // Whatever it is, it concerns the note alone, and the next change writes it.
        catch (Exception)
#pragma warning restore CA1031
        {
            return false; // Most likely the database itself is the problem, which cannot be written down in it.
        }
    }

    private HostStatus Compose()
    {
        var before = _noted ?? _inherited;
        var problems = Enum.GetValues<HostPart>().Where(part => part != HostPart.Database)
            .Select(part => ProblemOf(part, before)).OfType<HostProblem>().ToList();
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

    /// <summary>What an earlier host noted is a problem until this one has tried.</summary>
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

    /// <summary>What was noted, unless the clock was set since.</summary>
    private static DateTimeOffset Near(DateTimeOffset? noted, DateTimeOffset now) =>
        noted is { } before && (before - now).Duration() < ClockSet ? before : ToSecond(now);

    private static DateTimeOffset ToSecond(DateTimeOffset moment) =>
        DateTimeOffset.FromUnixTimeSeconds(moment.ToUnixTimeSeconds());

    /// <param name="Since">The timestamp of the moment since which it works or does not.</param>
    /// <param name="Failure">Why it does not work; null if it does.</param>
    /// <param name="Problem">The same, as a sentence.</param>
    internal sealed record PartState(long Since, Exception? Failure, string? Problem);
}
