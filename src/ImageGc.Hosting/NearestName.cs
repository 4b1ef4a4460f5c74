using ImageGc.Sqlite;
using Quickenshtein;

namespace ImageGc.Hosting;

/// <summary>Finds the name that a person who mistyped it may have meant.</summary>
public static class NearestName
{
    /// <summary>The name that takes the fewest keys to correct; null if none is like it.</summary>
    /// <param name="written">What was typed; capitals do not count, nor a registry or tag that is left out.</param>
    /// <param name="names">All that it can be.</param>
    public static string? Find(string written, IEnumerable<string> names)
    {
        ArgumentNullException.ThrowIfNull(written);
        var nearest = names.Select(name => (Name: name, Distance: FormsOf(name).Min(form => Distance(written, form))))
            .OrderBy(one => one.Distance).FirstOrDefault();
        return nearest.Distance <= (written.Length + 1) / 2 ? nearest.Name : null;
    }

    private static string[] FormsOf(string name)
    {
        var repository = ImagePattern.RepositoryOf(name);
        return [name, repository, WithoutPath(name), WithoutPath(repository)];
    }

    private static string WithoutPath(string name) => name[(name.LastIndexOf('/') + 1)..];

    private static int Distance(string written, string form) => Levenshtein.GetDistance(
        written.ToLowerInvariant(), form.ToLowerInvariant(), CalculationOptions.Default);
}
