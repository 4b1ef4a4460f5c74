using ImageGc.Sqlite;
using Quickenshtein;

namespace ImageGc.Hosting;

/// <summary>Finds the name that a person who mistyped it may have meant.</summary>
public static class NearestName
{
    /// <summary>The one that takes the fewest keys to correct; null if there is no name.</summary>
    /// <param name="written">What was typed; capitals and a missing tag do not count.</param>
    /// <param name="names">All that it can be.</param>
    public static string? Find(string written, IEnumerable<string> names) => names.MinBy(name =>
        new[] { name, ImagePattern.RepositoryOf(name) }.Min(form => Levenshtein.GetDistance(
            written.ToLowerInvariant(), form.ToLowerInvariant(), CalculationOptions.Default)));
}
