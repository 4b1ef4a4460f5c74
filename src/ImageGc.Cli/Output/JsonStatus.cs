namespace ImageGc.Cli.Output;

internal sealed record JsonStatus(
    bool IsWell, IReadOnlyList<string> Faults, string Daemon, bool IsRunning, string? StartedAt, string? StoppedAt,
    string? WatchingSince, string? NextRunAt, JsonRun? LastRun, JsonProblem? LastProblem,
    IReadOnlyDictionary<string, string> Settings, string SettingsOf, string Engine, long Tracked, int? Untracked,
    int? InUse, int? Kept, int? Expired, long? ImageBytes, long? ExpiredBytes, long? DiskUsedBytes,
    long? DiskAvailableBytes, string DatabasePath)
{
    public static JsonStatus Of(DeviceStatus status, string databasePath) => new(
        status.Faults.Count == 0, status.Faults, status.Daemon, status.IsRunning, Iso(status.Host?.StartedAt),
        Iso(status.Host?.StoppedAt), Iso(status.Host?.WatchingSince), Iso(status.Host?.NextRunAt),
        status.LastRun is { } run ? JsonRun.Of(run) : null,
        status.Host?.LastProblem is { } problem ? JsonProblem.Of(problem) : null,
        status.Options.ToSettings(), status.Settings.Source, status.Engine.Engine, status.Tracked,
        status.Engine.Untracked, status.Count(Verdict.InUse), status.Count(Verdict.Kept),
        status.Count(Verdict.Expired), status.Engine.ImageBytes, status.BytesOf(Verdict.Expired),
        status.Engine.Disk?.UsedBytes, status.Engine.Disk?.AvailableBytes, databasePath);

    private static string? Iso(DateTimeOffset? moment) => moment is { } at ? TimeFormat.Iso(at) : null;
}
