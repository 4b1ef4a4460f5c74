using System.Globalization;
using System.Text.Json.Nodes;
using ImageGc.Sqlite;

namespace ImageGc.Hosting;

/// <summary>
/// What is collected, and when. The first four settings are those of Azure IoT Edge. In configuration durations are
/// written as people write them: 30s, 90m, 12h, 7d, 3w or 0. Read once, when the host starts.
/// </summary>
public sealed class ImageGarbageCollectionOptions
{
    /// <summary>Whether images are removed; true by default. If false, uses are still recorded.</summary>
    public bool Enabled { get; set; } = true;

    /// <summary>How often images are removed: whole days, at least one, by default 1.</summary>
    public TimeSpan CleanupRecurrence { get; set; } = TimeSpan.FromDays(1);

    /// <summary>How long an image must have been unused before it is removed; 7 days by default.</summary>
    public TimeSpan ImageAgeCleanupThreshold { get; set; } = TimeSpan.FromDays(7);

    /// <summary>The time of day, in local time, at which images are removed: HH:MM, 00:00 by default.</summary>
    public TimeOnly CleanupTime { get; set; } = TimeOnly.MinValue;

    /// <summary>The database file; required. It is created if missing, its directory never.</summary>
    public string DatabasePath { get; set; } = "";

    /// <summary>
    /// The flat file of Azure IoT Edge to take over at the first start, as
    /// <see cref="ImageUseStoreOptions.FlatFilePath"/> says; none by default.
    /// </summary>
    public string? FlatFilePath { get; set; }

    /// <summary>What a recorded use promises about power loss; <see cref="Durability.Full"/> by default.</summary>
    public Durability Durability { get; set; } = Durability.Full;

    /// <summary>
    /// How long a call waits for another process that holds the database's lock; 10 seconds by default. See
    /// <see cref="ImageUseStoreOptions.BusyTimeout"/>.
    /// </summary>
    public TimeSpan BusyTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// How long the device's clock must not have been set before it is believed; an hour by default. A cleanup that is
    /// due waits for that. See <see cref="ImageUseStoreOptions.ClockSettleTime"/>.
    /// </summary>
    public TimeSpan ClockSettleTime { get; set; } = TimeSpan.FromHours(1);

    /// <summary>
    /// Images that are never removed: names, IDs also shortened, and globs with * and ? such as `registry/agent:*`. A
    /// name without a tag keeps every tag. To be kept is no use: their age goes on. An entry that matches no image is
    /// reported at the start and by each cleanup.
    /// </summary>
    public IList<string> KeepImages { get; } = [];

    /// <summary>Images that are never removed because they have such a label: `name` or `name=value`.</summary>
    public IList<string> KeepLabels { get; } = [];

    /// <summary>
    /// How many images of each repository are never removed: those that were used last, and those in use first of all;
    /// 0 by default. Only images whose use is known count. An image that lost its names belongs to the repositories of
    /// those that it last had.
    /// </summary>
    public int KeepNewest { get; set; }

    /// <summary>
    /// Whether the images of containers are recorded by watching the engine, for a host that does not record uses
    /// itself with <see cref="IImageUseRecorder"/>; false by default.
    /// </summary>
    public bool WatchContainers { get; set; }

    /// <summary>
    /// Which images are tracked when <see cref="WatchContainers"/> is on: those of containers by default.
    /// </summary>
    public TrackImages TrackImages { get; set; }

    /// <summary>
    /// Of which containers the images are recorded when <see cref="WatchContainers"/> is on: those with this label,
    /// `name` or `name=value`; of all of them by default.
    /// </summary>
    public string? OwnerLabel { get; set; }

    /// <summary>
    /// When the disk of the images is so full, unused images go before their time, oldest use first, until
    /// <see cref="LowThreshold"/>; off by default. In configuration `85%` used, or `2GB` free.
    /// </summary>
    public DiskThreshold? HighThreshold { get; set; }

    /// <summary>
    /// Down to where images are removed once the disk is too full; by default 5 points less than
    /// <see cref="HighThreshold"/>, or with half as many bytes again free.
    /// </summary>
    public DiskThreshold? LowThreshold { get; set; }

    /// <summary>How long an image must have been unused to go for a full disk; 2 minutes by default.</summary>
    public TimeSpan MinimumAge { get; set; } = TimeSpan.FromMinutes(2);

    /// <summary>How often the disk is looked at; every 5 minutes by default.</summary>
    public TimeSpan DiskCheckInterval { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>
    /// A directory on the disk that holds the images, where the engine cannot say which that is or says the wrong one;
    /// by default the engine is asked.
    /// </summary>
    public string? ImageDirectory { get; set; }

    /// <summary>How long a host lets its containers come up before it makes up for a missed run.</summary>
    internal TimeSpan StartDelay { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>All that is set, but for the path of the database, as configuration has it.</summary>
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
