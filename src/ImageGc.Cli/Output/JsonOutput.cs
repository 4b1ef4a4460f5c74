using System.Text.Json.Serialization;
using ImageGc.Cli.Diagnostics;
using ImageGc.Hosting;
using ImageGc.Sqlite;

namespace ImageGc.Cli.Output;

/// <summary>The documents that `--json` prints. Scripts depend on their names: add some, never change one.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UseStringEnumConverter = true, WriteIndented = true)]
[JsonSerializable(typeof(IEnumerable<JsonImage>))]
[JsonSerializable(typeof(IEnumerable<JsonUntracked>))]
[JsonSerializable(typeof(IEnumerable<JsonVerdict>))]
[JsonSerializable(typeof(JsonPrune))]
[JsonSerializable(typeof(JsonRecorded))]
[JsonSerializable(typeof(JsonForgotten))]
[JsonSerializable(typeof(JsonKept))]
[JsonSerializable(typeof(JsonStatus))]
[JsonSerializable(typeof(JsonEngine))]
[JsonSerializable(typeof(JsonNewFile))]
[JsonSerializable(typeof(FlatFileImport))]
[JsonSerializable(typeof(IEnumerable<JsonRemoved>))]
[JsonSerializable(typeof(IEnumerable<JsonRun>))]
[JsonSerializable(typeof(JsonCheck))]
internal sealed partial class JsonOutput : JsonSerializerContext;

internal sealed record JsonImage(string ImageId, string LastUsedAt, IReadOnlyList<string> Names, long? SizeBytes)
{
    public static JsonImage Of(ImageUse image) =>
        new(image.ImageId, TimeFormat.Iso(image.LastUsedAt), image.Names, image.SizeBytes);
}

internal sealed record JsonUntracked(string ImageId, IReadOnlyList<string> Names, long? SizeBytes, string Why)
{
    public static JsonUntracked Of(UntrackedImage untracked) => new(
        untracked.Image.ImageId, untracked.Image.Names, untracked.Image.SizeBytes, untracked.Why);
}

internal sealed record JsonVerdict(
    Verdict Reason, string ImageId, string LastUsedAt, string PrunableAt, IReadOnlyList<string> Names, long? SizeBytes)
{
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Failure { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? KeptBy { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<string>? UsedBy { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public long? FreedBytes { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public FreedBy? FreedBy { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<string>? Command { get; init; }

    public static JsonVerdict Of(ImageVerdict verdict) => new(
        verdict.Verdict, verdict.Image.ImageId, TimeFormat.Iso(verdict.Image.LastUsedAt),
        TimeFormat.Iso(verdict.PrunableAt), verdict.Image.Names, verdict.Image.SizeBytes)
    {
        Failure = verdict.Failure,
        KeptBy = verdict.KeptBy,
        UsedBy = verdict.UsedBy.Count > 0 ? verdict.UsedBy : null,
        FreedBytes = verdict.Freed?.Bytes,
        FreedBy = verdict.Freed?.By,
        Command = verdict.Command,
    };
}

internal sealed record JsonPrune(bool DryRun, FlatFileImport? Import, IEnumerable<JsonVerdict> Images);

internal sealed record JsonRecorded(IEnumerable<string> Recorded);

internal sealed record JsonForgotten(IEnumerable<string> Forgotten, IEnumerable<string> NotTracked);

internal sealed record JsonKept(IEnumerable<string> Kept);

internal sealed record JsonEngine(string Engine);

internal sealed record JsonNewFile(string Path);

internal sealed record JsonRemoved(
    string ImageId, string LastUsedAt, string RemovedAt, long UnusedForSeconds, long ThresholdSeconds,
    PruneKind Kind, IReadOnlyList<string> Names, long? SizeBytes, long? FreedBytes, FreedBy? FreedBy)
{
    public static JsonRemoved Of(RemovedImage removed) => new(
        removed.Image.ImageId, TimeFormat.Iso(removed.Image.LastUsedAt), TimeFormat.Iso(removed.RemovedAt),
        (long)removed.UnusedFor().TotalSeconds, (long)removed.Threshold.TotalSeconds, removed.Kind,
        removed.Image.Names, removed.Image.SizeBytes, removed.Freed?.Bytes, removed.Freed?.By);
}

internal sealed record JsonRun(
    string PrunedAt, long ThresholdSeconds, long Tracked, long Removed, long Failed, PruneKind Kind, long? FreedBytes)
{
    public static JsonRun Of(PruneRun run) => new(
        TimeFormat.Iso(run.PrunedAt), (long)run.Threshold.TotalSeconds, run.Tracked, run.Removed, run.Failed,
        run.Kind, run.FreedBytes);
}

internal sealed record JsonProblem(string Part, string Since, string Message)
{
    public static JsonProblem Of(HostProblem problem) =>
        new(problem.Part, TimeFormat.Iso(problem.Since), problem.Message);
}

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

internal sealed record JsonCheck(
    string DatabasePath, int? SchemaVersion, string? SqliteVersion, string? JournalMode,
    long? TrackedImages, long? DatabaseBytes, long? LogBytes, IReadOnlyList<string> Damage, JsonRun? LastPrune,
    IEnumerable<JsonProblem>? Problems, long? ImplausibleTimes, IReadOnlyList<ProcessUsingDatabase>? OtherProcesses,
    IReadOnlyList<string> KeptDamaged)
{
    public static JsonCheck Of(
        StoreCheck check, PruneRun? lastPrune, IReadOnlyList<HostProblem> problems,
        IReadOnlyList<ProcessUsingDatabase> others, IReadOnlyList<string> keptDamaged) => new(
        check.DatabasePath, check.SchemaVersion, check.SqliteVersion, check.JournalMode, check.TrackedImages,
        check.DatabaseBytes, check.LogBytes, check.Damage, lastPrune is null ? null : JsonRun.Of(lastPrune),
        problems.Select(JsonProblem.Of),
        check.ImplausibleTimes, others, keptDamaged);

    /// <summary>The check of a database that is too damaged to open.</summary>
    public static JsonCheck OfDamaged(ImageUseStoreException damage, IReadOnlyList<string> keptDamaged) => new(
        damage.DatabasePath, null, null, null, null, null, null, [damage.Message], null, null, null, null,
        keptDamaged);
}
