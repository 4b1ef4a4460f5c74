using System.Text.RegularExpressions;
using ImageGc.Sqlite;

namespace ImageGc.Hosting;

/// <summary>Which images are never removed: names, IDs and globs, matched against all names of an image.</summary>
internal sealed partial class KeptImages
{
    /// <summary>What Docker leaves out when it lists a name, the longest first.</summary>
    private static readonly string[] Implied =
        ["index.docker.io/library/", "docker.io/library/", "index.docker.io/", "docker.io/", "library/"];

    private readonly List<Regex> _patterns;
    private readonly List<string> _images;

    public KeptImages(IEnumerable<string> images)
    {
        _images = [.. images.Select(image => image.Trim())];
        _patterns = _images.ConvertAll(ToRegex);
    }

    public bool Include(EngineImage image) =>
        image.Names.SelectMany(FormsOf).Append(image.ImageId)
            .Any(name => _patterns.Exists(pattern => pattern.IsMatch(name)))
        || _images.Exists(written => ImageId.Matches(written, image.ImageId));

    /// <summary>The tag of a name that has a digest too, which Docker takes alone.</summary>
    [GeneratedRegex(@":[^:/@]*(?=@)")]
    private static partial Regex TagBeforeDigest { get; }

    private static Regex ToRegex(string glob)
    {
        var name = TagBeforeDigest.Replace(glob, "");
        var pattern = Regex.Escape(name)
            .Replace(@"\*", ".*", StringComparison.Ordinal)
            .Replace(@"\?", ".", StringComparison.Ordinal);
        return new Regex(
            HasTag(name) ? $"^{pattern}$" : $"^{pattern}([:@].*)?$",
            RegexOptions.CultureInvariant | RegexOptions.Singleline | RegexOptions.NonBacktracking);
    }

    /// <summary>A colon before the last slash is the port of a registry.</summary>
    private static bool HasTag(string name) => name.LastIndexOfAny([':', '@']) > name.LastIndexOf('/');

    /// <summary>All that people may write for a name.</summary>
    private static IEnumerable<string> FormsOf(string name)
    {
        var left = Implied.FirstOrDefault(prefix => name.StartsWith(prefix, StringComparison.Ordinal)) ?? "";
        var listed = name[left.Length..];
        return HasRegistry(listed)
            ? [listed]
            : Implied.Append("")
                .Where(prefix => !listed.Contains('/', StringComparison.Ordinal)
                    || !prefix.EndsWith("library/", StringComparison.Ordinal))
                .Select(prefix => prefix + listed);
    }

    private static bool HasRegistry(string name) =>
        name.Split('/') is [var first, _, ..] && (first == "localhost" || first.AsSpan().ContainsAny('.', ':'));
}
