using System.Globalization;
using System.Text.Json.Nodes;
using ImageGc.Sqlite;

namespace ImageGc.Hosting;

/// <summary>
/// Which images are removed, and when. Read once, when the host starts. The first four settings are those of Azure IoT
/// Edge. In configuration, durations are written 30s, 90m, 12h, 7d, 3w or 0.
/// </summary>
public sealed class ImageGarbageCollectionOptions
{
    /// <summary>Whether images are removed; true by default. If false, uses are still recorded.</summary>
    public bool Enabled { get; set; } = true;

    /// <summary>How often images are removed, in whole days; at least, and by default, 1 day.</summary>
    public TimeSpan CleanupRecurrence { get; set; } = TimeSpan.FromDays(1);

    /// <summary>How long an image must have been unused before it is removed; 7 days by default.</summary>
    public TimeSpan ImageAgeCleanupThreshold { get; set; } = TimeSpan.FromDays(7);

    /// <summary>The local time of day, HH:MM, at which images are removed; 00:00 by default.</summary>
    public TimeOnly CleanupTime { get; set; } = TimeOnly.MinValue;

    /// <summary>The database file; required. It is created if missing, but its directory must exist.</summary>
    public string DatabasePath { get; set; } = "";

    /// <summary>
    /// The flat file of Azure IoT Edge to import at the first start; none by default. See
    /// <see cref="ImageUseStoreOptions.FlatFilePath"/>.
    /// </summary>
    public string? FlatFilePath { get; set; }

    /// <summary>Whether recorded uses survive a power failure; <see cref="Durability.Full"/> by default.</summary>
    public Durability Durability { get; set; } = Durability.Full;

    /// <summary>
    /// How long a call waits for another process that holds the database's lock; 10 seconds by default. See
    /// <see cref="ImageUseStoreOptions.BusyTimeout"/>.
    /// </summary>
    public TimeSpan BusyTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// How long the clock must run without being set before it is trusted; 1 hour by default. A cleanup that is due
    /// waits until then. See <see cref="ImageUseStoreOptions.ClockSettleTime"/>.
    /// </summary>
    public TimeSpan ClockSettleTime { get; set; } = TimeSpan.FromHours(1);

    /// <summary>
    /// Images that are never removed: names, IDs (also shortened) and globs with * and ?, such as `registry/agent:*`.
    /// A name without a tag keeps every tag. Keeping an image does not count as a use. An entry that matches no image
    /// is logged at the start and by each cleanup.
    /// </summary>
    public IList<string> KeepImages { get; } = [];

    /// <summary>Labels, `name` or `name=value`. Images that have one of them are never removed.</summary>
    public IList<string> KeepLabels { get; } = [];

    /// <summary>
    /// How many images of each repository are never removed: first those in use, then those used last; 0 by default.
    /// Only images that are tracked or in use count. An image without names counts for the repositories of its last
    /// names.
    /// </summary>
    public int KeepNewest { get; set; }

    /// <summary>
    /// Whether the host watches the engine and records the images of containers; false by default. Leave it false if
    /// your program records uses with <see cref="IImageUseRecorder"/>.
    /// </summary>
    public bool WatchContainers { get; set; }

    /// <summary>
    /// Which images are tracked if <see cref="WatchContainers"/> is true; those of containers by default.
    /// </summary>
    public TrackImages TrackImages { get; set; }

    /// <summary>
    /// The label, `name` or `name=value`, of the containers whose images are recorded if <see cref="WatchContainers"/>
    /// is true; by default, the images of all containers are recorded.
    /// </summary>
    public string? OwnerLabel { get; set; }

    /// <summary>
    /// The disk usage at which unused images are removed early, oldest use first, until <see cref="LowThreshold"/>; off
    /// by default. In configuration, `85%` used or `2GB` free.
    /// </summary>
    public DiskThreshold? HighThreshold { get; set; }

    /// <summary>
    /// The disk usage at which early removal stops; by default 5 percentage points less than
    /// <see cref="HighThreshold"/>, or 1.5 times its free bytes.
    /// </summary>
    public DiskThreshold? LowThreshold { get; set; }

    /// <summary>How long an image must have been unused to be removed early; 2 minutes by default.</summary>
    public TimeSpan MinimumAge { get; set; } = TimeSpan.FromMinutes(2);

    /// <summary>How often the disk is checked, from 10 seconds to 1 day; 5 minutes by default.</summary>
    public TimeSpan DiskCheckInterval { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>
    /// A directory on the disk that holds the images. Set it if the engine cannot name that disk or names a wrong one;
    /// by default, the engine is asked.
    /// </summary>
    public string? ImageDirectory { get; set; }

    /// <summary>
    /// How long a host waits after its start, so that containers can start first, before it checks the disk or makes up
    /// for a missed cleanup.
    /// </summary>
    internal TimeSpan StartDelay { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>
    /// Returns the settings that are set, as written in configuration, without the path of the database.
    /// </summary>
    public Dictionary<string, string> ToSettings() => new Dictionary<string, string?>
    {
        [nameof(Enabled)] = Enabled ? "true" : "false",
        [nameof(CleanupRecurrence)] = DurationText.Format(CleanupRecurrence),
        [nameof(CleanupTime)] = CleanupTime.ToString("HH:mm", CultureInfo.InvariantCulture),
        [nameof(ImageAgeCleanupThreshold)] = DurationText.Format(ImageAgeCleanupThreshold),
        [nameof(FlatFilePath)] = FlatFilePath,
        [nameof(Durability)] = Durability.ToString(),
        [nameof(BusyTimeout)] = DurationText.Format(BusyTimeout),
        [nameof(ClockSettleTime)] = DurationText.Format(ClockSettleTime),
        [nameof(KeepImages)] = TextOf(KeepImages),
        [nameof(KeepLabels)] = TextOf(KeepLabels),
        [nameof(KeepNewest)] = KeepNewest.ToString(CultureInfo.InvariantCulture),
        [nameof(WatchContainers)] = WatchContainers ? "true" : "false",
        [nameof(TrackImages)] = TrackImages.ToString(),
        [nameof(OwnerLabel)] = OwnerLabel,
        [nameof(HighThreshold)] = TextOf(HighThreshold),
        [nameof(LowThreshold)] = TextOf(LowThreshold),
        [nameof(MinimumAge)] = DurationText.Format(MinimumAge),
        [nameof(DiskCheckInterval)] = DurationText.Format(DiskCheckInterval),
        [nameof(ImageDirectory)] = ImageDirectory,
    }.Where(setting => setting.Value is not null).ToDictionary(setting => setting.Key, setting => setting.Value!);

    private static string? TextOf(DiskThreshold? threshold) => threshold switch
    {
        { UsedPercent: { } percent } => string.Create(CultureInfo.InvariantCulture, $"{percent}%"),
        { FreeBytes: { } bytes } => string.Create(CultureInfo.InvariantCulture, $"{bytes}B"),
        _ => null,
    };

    private static string? TextOf(IList<string> list) => list.Count == 0 ? null
        : list.Any(entry => entry.Contains(',', StringComparison.Ordinal) || entry.StartsWith('['))
            ? new JsonArray([.. list.Select(entry => (JsonNode?)entry)]).ToJsonString()
            : string.Join(", ", list);

    /// <summary>What the store is opened with, which also says whether it can be.</summary>
    internal ImageUseStoreOptions ToStoreOptions() => new()
    {
        DatabasePath = DatabasePath,
        FlatFilePath = FlatFilePath,
        Durability = Durability,
        BusyTimeout = BusyTimeout,
        ClockSettleTime = ClockSettleTime,
        ImageAgeCleanupThreshold = ImageAgeCleanupThreshold,
    };
}
