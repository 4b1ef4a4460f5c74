using ImageGc.Cli.Hosting;
using ImageGc.Hosting;
using ImageGc.Sqlite;

namespace ImageGc.Cli.Output;

/// <summary>What the engine said.</summary>
/// <param name="Engine">Its address.</param>
/// <param name="Failure">Why it said nothing; null if it did.</param>
internal sealed record EngineAnswer(string Engine, string? Failure)
{
    public long? ImageBytes { get; init; }

    public int? Untracked { get; init; }

    public DiskUsage? Disk { get; init; }

    /// <summary>On every tracked image.</summary>
    public IReadOnlyList<ImageVerdict> Verdicts { get; init; } = [];
}

/// <summary>How the collection of images is on this device.</summary>
internal sealed class DeviceStatus
{
    /// <summary>For a run by cron, that one of the nightly ones may be missed without a word.</summary>
    private const int RunsMissed = 2;

    private readonly bool _isLocked;

    public DeviceStatus(
        HostStatus? host, bool isLocked, PruneRun? lastRun, EngineAnswer engine, long tracked, DaemonSettings settings,
        ImageGarbageCollectionOptions options, DateTimeOffset now)
    {
        (Host, LastRun, Engine, Tracked, Settings, Options, Now) =
            (host, lastRun, engine, tracked, settings, options, now);
        _isLocked = isLocked;
        IsRunning = host is not null && DaemonState.IsAlive(host, isLocked);
        Faults = [.. FindFaults()];
    }

    public HostStatus? Host { get; }

    public PruneRun? LastRun { get; }

    public EngineAnswer Engine { get; }

    public long Tracked { get; }

    public DaemonSettings Settings { get; }

    public ImageGarbageCollectionOptions Options { get; }

    public DateTimeOffset Now { get; }

    public bool IsRunning { get; }

    /// <summary>What is not well, in sentences.</summary>
    public IReadOnlyList<string> Faults { get; }

    /// <summary>Of the images with this verdict the sizes, together; null where the engine said nothing.</summary>
    public long? BytesOf(Verdict verdict) => Among(verdict)?.Sum(image => image.Image.SizeBytes ?? 0);

    /// <summary>How many images have this verdict; null where the engine said nothing.</summary>
    public int? Count(Verdict verdict) => Among(verdict)?.Count();

    private IEnumerable<ImageVerdict>? Among(Verdict verdict) => Engine.Failure is not null ? null
        : Engine.Verdicts.Where(image => image.Verdict == verdict);

    /// <summary>The daemon, in one line.</summary>
    public string Daemon => Host switch
    {
        null => "none has run with this database so far",
        { IsOnce: true } once => $"none; 'imagegc run --once' last ran {TimeFormat.Relative(once.StartedAt, Now)}",
        { StoppedAt: { } stopped } => $"stopped {TimeFormat.Relative(stopped, Now)}",
        var daemon when !IsRunning =>
            $"not running; it started {TimeFormat.Relative(daemon.StartedAt, Now)} and ended without a clean stop",
        var daemon => daemon.ToString(),
    };

    private IEnumerable<string> FindFaults()
    {
        if (!IsRunning && Host is not { IsOnce: true })
            yield return "The daemon is not running.";
        foreach (var problem in Host?.Problems ?? [])
            yield return $"{problem.Part} fails: {problem.Message}";
        if (!IsRunning && Host is { IsOnce: true } once
            && Now - once.StartedAt > RunsMissed * Options.CleanupRecurrence)
            yield return $"No cleanup has run since {TimeFormat.Iso(once.StartedAt)}.";
        if (!_isLocked && Host is { IsOnce: true, StoppedAt: null })
            yield return "The last run did not finish.";
        if (LastRun is { Failed: > 0 and var failed })
            yield return $"{Quantity.Images(failed)} could not be removed in the last cleanup.";
        if (Engine.Failure is { } failure && Host?.Problems.Any(problem => problem.Message == failure) != true)
            yield return failure;
    }
}
