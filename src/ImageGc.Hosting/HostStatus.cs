using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using ImageGc.Sqlite;

namespace ImageGc.Hosting;

/// <summary>
/// What a host is doing, as noted in the database for other programs. A host notes it whenever it changes, by the clock
/// as it is then. Register an <see cref="IProgress{T}"/> of it in the host's services to receive each change of
/// <see cref="ToString"/>; it must not wait.
/// </summary>
public sealed record HostStatus
{
    internal const string Note = "host";

    /// <summary>When the host started, in UTC.</summary>
    public required DateTimeOffset StartedAt { get; init; }

    /// <summary>
    /// When it stopped, in UTC; null while it runs, and if it was killed: <see cref="ImageUseStore.ArePrunesLocked"/>
    /// says whether it lives.
    /// </summary>
    public DateTimeOffset? StoppedAt { get; init; }

    /// <summary>Whether it only cleaned up once, as `imagegc run --once` does.</summary>
    public bool IsOnce { get; init; }

    /// <summary>Since when it watches the engine, in UTC; null if it does not.</summary>
    public DateTimeOffset? WatchingSince { get; init; }

    /// <summary>When it removes images next, in UTC; null if it never does or cannot say.</summary>
    public DateTimeOffset? NextRunAt { get; init; }

    /// <summary>What fails now. A database that fails is not among it.</summary>
    public IReadOnlyList<HostProblem> Problems { get => field ?? []; init; }

    /// <summary>What failed last, also if it works again; null if nothing has failed so far.</summary>
    public HostProblem? LastProblem { get; init; }

    /// <summary>
    /// Its settings as configuration has them, without the path of the database, and those of its engine.
    /// </summary>
    public IReadOnlyDictionary<string, string> Settings { get => field ?? new Dictionary<string, string>(); init; }

    /// <summary>The status of the host that uses this database, or of the last one; null if there was none.</summary>
    /// <param name="store">May be read-only.</param>
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
            return null;
        }
    }

    /// <summary>One line for people, in UTC.</summary>
    public override string ToString() =>
        Problems.Count > 0 ? string.Join(' ', Problems)
        : StoppedAt is { } stopped ? Line($"Stopped at {stopped:u}")
        : (WatchingSince is { } since ? Line($"Watching since {since:u}") : Line($"Running since {StartedAt:u}"))
            + (NextRunAt is { } next ? Line($", next cleanup at {next:u}") : ", removes nothing so far");

    internal string ToJson() => JsonSerializer.Serialize(this, HostStatusJson.Default.HostStatus);

    private static string Line(FormattableString line) => line.ToString(CultureInfo.InvariantCulture);
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(HostStatus))]
internal sealed partial class HostStatusJson : JsonSerializerContext;
