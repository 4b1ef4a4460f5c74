using ImageGc.Sqlite;
using Quickenshtein;

namespace ImageGc.Hosting;

/// <summary>Finds the name that a mistyped name most likely means.</summary>
public static class NearestName
{
    /// <summary>Returns the name that differs in the fewest characters; null if none is similar.</summary>
    /// <param name="written">The name as typed. Case is ignored; the registry, path or tag can be missing.</param>
    /// <param name="names">The names to choose from.</param>
    /// <exception cref="ArgumentNullException"><paramref name="written"/> is null.</exception>
    public static string? Find(string written, IEnumerable<string> names)
    {
        ArgumentNullException.ThrowIfNull(written);
        var nearest = names.Select(name => (Name: name, Distance: FormsOf(name).Min(form => Distance(written, form))))
            .OrderBy(one => one.Distance).FirstOrDefault();
        // If more than half of the characters differ, it is a guess and not a typing error.
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
