using System.Text.RegularExpressions;

namespace ImageGc.Docker;

/// <summary>Which images are never removed: names, IDs and globs, matched against all names of an image.</summary>
internal sealed class KeptImages
{
    private static readonly string[] Implied = ["docker.io/library/", "docker.io/", "index.docker.io/library/"];
    private readonly List<Regex> _patterns;

    public KeptImages(IEnumerable<string> patterns) => _patterns = [.. patterns.Select(ToRegex)];

    public bool Any => _patterns.Count > 0;

    public bool Include(EngineImage image) =>
        image.Names.Append(image.ImageId).Any(name => _patterns.Exists(pattern => pattern.IsMatch(Short(name))));

    private static Regex ToRegex(string glob)
    {
        var name = Short(glob.Trim());
        var pattern = Regex.Escape(name)
            .Replace(@"\*", ".*", StringComparison.Ordinal)
            .Replace(@"\?", ".", StringComparison.Ordinal);
        return new Regex(
            HasTag(name) ? $"^{pattern}$" : $"^{pattern}([:@].*)?$",
            RegexOptions.CultureInvariant | RegexOptions.Singleline | RegexOptions.NonBacktracking);
    }

    /// <summary>A colon before the last slash is the port of a registry.</summary>
    private static bool HasTag(string name) => name.LastIndexOfAny([':', '@']) > name.LastIndexOf('/');

    /// <summary>The name as Docker lists it, which leaves out its own registry.</summary>
    private static string Short(string name)
    {
        var implied = Implied.FirstOrDefault(prefix => name.StartsWith(prefix, StringComparison.Ordinal));
        return name[(implied ?? "").Length..];
    }
}
