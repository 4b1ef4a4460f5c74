using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using ImageGc.Sqlite;

namespace ImageGc.Hosting;

/// <summary>
/// The status of a host, which it stores in the database for other programs, with times by its clock of that moment.
/// To receive each change of <see cref="ToString"/>, register an <see cref="IProgress{T}"/> of it in the services of
/// the host. It must return at once.
/// </summary>
public sealed record HostStatus
{
    internal const string Note = "host";

    /// <summary>When the host started, in UTC.</summary>
    public required DateTimeOffset StartedAt { get; init; }

    /// <summary>
    /// When the host stopped, in UTC; null while it runs or if it was killed.
    /// <see cref="ImageUseStore.ArePrunesLocked"/> shows whether it runs.
    /// </summary>
    public DateTimeOffset? StoppedAt { get; init; }

    /// <summary>Whether the host only cleaned up once, as `imagegc run --once` does.</summary>
    public bool IsOnce { get; init; }

    /// <summary>When the host began to watch the engine, in UTC; null if it does not watch it now.</summary>
    public DateTimeOffset? WatchingSince { get; init; }

    /// <summary>When the host next removes images, in UTC; null if it removes none or does not know yet.</summary>
    public DateTimeOffset? NextRunAt { get; init; }

    /// <summary>What fails now, except for failures of the database itself.</summary>
    public IReadOnlyList<HostProblem> Problems { get => field ?? []; init; }

    /// <summary>The latest problem, even if it is solved; null if there was none.</summary>
    public HostProblem? LastProblem { get; init; }

    /// <summary>
    /// The settings of the host and its engine as written in configuration, without the path of the database.
    /// </summary>
    public IReadOnlyDictionary<string, string> Settings { get => field ?? new Dictionary<string, string>(); init; }

    /// <summary>
    /// Reads the status of the host that uses this database, or of the last one; returns null if there is none.
    /// </summary>
    /// <param name="store">The store, which can be read-only.</param>
    /// <exception cref="ImageUseStoreException">The database cannot be read.</exception>
    public static HostStatus? ReadFrom(ImageUseStore store)
    {
        ArgumentNullException.ThrowIfNull(store);
        try
        {
            return store.FindNote(Note) is { } note
                ? JsonSerializer.Deserialize(note, HostStatusJson.Default.HostStatus)
                : null;
        }
        catch (JsonException)
        {
            // Another version of ImageGc wrote it. The status of a host is not worth a failure of its reader.
            return null;
        }
    }

    /// <summary>Returns one line for people, with times in UTC.</summary>
    public override string ToString() =>
        Problems.Count > 0 ? string.Join(' ', Problems)
        : StoppedAt is { } stopped ? Line($"Stopped at {stopped:u}")
        : (WatchingSince is { } since ? Line($"Watching since {since:u}") : Line($"Running since {StartedAt:u}"))
            + (NextRunAt is { } next ? Line($", next cleanup at {next:u}") : ", no cleanup planned");

    internal string ToJson() => JsonSerializer.Serialize(this, HostStatusJson.Default.HostStatus);

    private static string Line(FormattableString line) => line.ToString(CultureInfo.InvariantCulture);
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(HostStatus))]
internal sealed partial class HostStatusJson : JsonSerializerContext;
