using ImageGc.Cli.Hosting;
using ImageGc.Hosting;
using ImageGc.Sqlite;

namespace ImageGc.Cli.Output;

/// <summary>The answer of the engine.</summary>
/// <param name="Engine">Its address.</param>
/// <param name="Failure">Why it did not answer; null if it did.</param>
internal sealed record EngineAnswer(string Engine, string? Failure)
{
    public long? ImageBytes { get; init; }

    public int? Untracked { get; init; }

    public DiskUsage? Disk { get; init; }

    /// <summary>The verdicts on all tracked images.</summary>
    public IReadOnlyList<ImageVerdict> Verdicts { get; init; } = [];
}

/// <summary>The state of image collection on this device.</summary>
internal sealed class DeviceStatus
{
    /// <summary>How many recurrences may pass without a run: a device that is off misses one.</summary>
    private const int OverdueRecurrences = 2;

    private const int MaxNames = 3;

    /// <summary>Normally a cleanup takes minutes.</summary>
    private static readonly TimeSpan OverdueAfter = TimeSpan.FromHours(1);

    private readonly DaemonState _state;

    public DeviceStatus(
        DaemonState daemon, PruneRun? lastRun, IReadOnlyCollection<ImageUse> notRemoved, EngineAnswer engine,
        long tracked, DaemonSettings settings, ImageGarbageCollectionOptions options, DateTimeOffset now)
    {
        (_state, LastRun, Engine, Tracked, Settings, Options, Now) =
            (daemon, lastRun, engine, tracked, settings, options, now);
        // An image that was kept or used after its removal failed is not a fault.
        NotRemoved = [.. engine.Failure is not null ? notRemoved : notRemoved.IntersectBy(
            engine.Verdicts.Where(image => image.Verdict == Verdict.Expired).Select(image => image.Image.ImageId),
            image => image.ImageId)];
        Faults = [.. FindFaults()];
    }

    public HostStatus? Host => _state.Host;

    public PruneRun? LastRun { get; }

    public EngineAnswer Engine { get; }

    public long Tracked { get; }

    public DaemonSettings Settings { get; }

    public ImageGarbageCollectionOptions Options { get; }

    public DateTimeOffset Now { get; }

    public bool IsRunning => _state.IsAlive;

    /// <summary>The expired images that could not be removed.</summary>
    public IReadOnlyList<ImageUse> NotRemoved { get; }

    /// <summary>The faults, one entry each.</summary>
    public IReadOnlyList<string> Faults { get; }

    /// <summary>The total size of the images with this verdict; null if the engine did not answer.</summary>
    public long? BytesOf(Verdict verdict) => WithVerdict(verdict)?.Sum(image => image.Image.SizeBytes ?? 0);

    /// <summary>How many images have this verdict; null if the engine did not answer.</summary>
    public int? Count(Verdict verdict) => WithVerdict(verdict)?.Count();

    private IEnumerable<ImageVerdict>? WithVerdict(Verdict verdict) => Engine.Failure is not null ? null
        : Engine.Verdicts.Where(image => image.Verdict == verdict);

    /// <summary>The state of the daemon in one line.</summary>
    public string Daemon => Host switch
    {
        null when LastRun is { } run => $"none; the last prune was {TimeFormat.Relative(run.PrunedAt, Now)}",
        null => "none has run with this database so far",
        { IsOnce: true } once => $"none; 'imagegc run --once' last ran {TimeFormat.Relative(once.StartedAt, Now)}",
        { StoppedAt: { } stopped } => $"stopped {TimeFormat.Relative(stopped, Now)}",
        var daemon when !IsRunning =>
            $"not running; it started {TimeFormat.Relative(daemon.StartedAt, Now)} and ended without a clean stop",
        var daemon => (daemon with { Problems = [] }).ToString(), // The problems are faults of their own.
    };

    /// <summary>Whether `run --once` or `prune` is used instead of a daemon.</summary>
    private bool IsByCron => !IsRunning && (Host is { IsOnce: true } || (Host is null && LastRun is not null));

    private IEnumerable<string> FindFaults()
    {
        if (!IsRunning && !IsByCron)
            yield return "The daemon is not running. With systemd, run 'systemctl start imagegc'.";
        if (((IsByCron ? Host?.StartedAt : null) ?? LastRun?.PrunedAt) is { } dated && dated - Now > OverdueAfter)
            yield return $"The last cleanup is dated {TimeFormat.Iso(dated)}, in the future: the clock was wrong then, "
                + "or is now. Run 'timedatectl'.";
        foreach (var problem in Host?.Problems ?? [])
            yield return problem.ToString();
        if (IsByCron && (Host?.StartedAt ?? LastRun!.PrunedAt) is var last
            && Now - last > OverdueRecurrences * Options.CleanupRecurrence)
            yield return $"No cleanup has run since {TimeFormat.Iso(last)}, and CleanupRecurrence is "
                + $"{DurationText.Format(Options.CleanupRecurrence)}.";
        if (!_state.IsLocked && Host is { IsOnce: true, StoppedAt: null })
            yield return "The last run did not finish.";
        if (IsRunning && Host?.NextRunAt is { } due && Now - due > OverdueAfter
            && !Host.Problems.Any(problem => problem.Part == "cleanup"))
            yield return $"The cleanup that was due at {TimeFormat.Iso(due)} has not ended.";
        if (NotRemoved.Count > 0)
            yield return $"{NamesOf(NotRemoved)} could not be removed. Each cleanup tries again. The log says why.";
        // The daemon may have reported the same failure.
        if (Engine.Failure is { } failure && Host?.Problems.Any(problem => problem.Message == failure) != true)
            yield return failure;
    }

    private static string NamesOf(IReadOnlyList<ImageUse> images) =>
        string.Join(", ", images.Take(MaxNames).Select(NameOf))
        + (images.Count > MaxNames ? $" and {images.Count - MaxNames} more" : "");

    private static string NameOf(ImageUse image) =>
        image.Names is [var name, ..] ? name : ImageId.Shorten(image.ImageId);
}
