using System.Globalization;
using ImageGc.Sqlite;

namespace ImageGc.Hosting;

/// <summary>What a host could not do when it last tried, as noted in the database for other programs.</summary>
/// <param name="Part">What fails: recording, watching, cleanup or disk.</param>
/// <param name="Since">Since when, in UTC.</param>
/// <param name="Message">What failed, and what to do.</param>
public sealed record HostProblem(string Part, DateTimeOffset Since, string Message)
{
    /// <summary>
    /// The problems of the host that uses this database; of the last one if none runs. A host notes them when they
    /// begin and when they are over. A database that fails is not among them.
    /// </summary>
    /// <param name="store">May be read-only.</param>
    /// <exception cref="ImageUseStoreException">The database cannot be read.</exception>
    public static IReadOnlyList<HostProblem> ListFrom(ImageUseStore store)
    {
        ArgumentNullException.ThrowIfNull(store);
        return
        [
            .. from part in Enum.GetValues<HostPart>()
               let note = store.FindNote(KeyOf(part))
               where !string.IsNullOrEmpty(note)
               let words = note.Split(' ', 2)
               let since = DateTimeOffset.TryParse(words[0], CultureInfo.InvariantCulture, out var parsed)
                   ? parsed
                   : DateTimeOffset.UnixEpoch
               select new HostProblem(NameOf(part), since, words[^1]),
        ];
    }

    internal static string NameOf(HostPart part) => part.ToString().ToLowerInvariant();

    /// <summary>An empty note says that it works again.</summary>
    internal static (string Key, string Note) ToNote(HostPart part, DateTimeOffset since, string? problem) => (
        KeyOf(part),
        problem is null
            ? ""
            : string.Create(CultureInfo.InvariantCulture, $"{since.UtcDateTime:yyyy-MM-ddTHH:mm:ssZ} {problem}"));

    private static string KeyOf(HostPart part) => $"problem.{NameOf(part)}";
}
