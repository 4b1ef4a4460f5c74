using System.Text.RegularExpressions;

namespace ImageGc.Sqlite;

/// <summary>
/// What a person writes for images: a name, an ID that may be shortened to four digits, or a glob with * and ? such as
/// `registry/agent:*`. A name without a tag means every tag, and what Docker and Podman leave out may be left out.
/// </summary>
public sealed partial class ImagePattern
{
    /// <summary>What Docker leaves out when it lists a name, the longest first.</summary>
    private static readonly string[] Implied =
        ["index.docker.io/library/", "docker.io/library/", "index.docker.io/", "docker.io/", "library/"];

    /// <summary>How Podman lists what has no registry, and people leave out.</summary>
    private const string Local = "localhost/";

    private readonly Regex _pattern;

    /// <param name="written">Any text.</param>
    /// <exception cref="ArgumentNullException">It is null.</exception>
    public ImagePattern(string written)
    {
        ArgumentNullException.ThrowIfNull(written);
        Written = written;
        _pattern = ToRegex(written);
    }

    /// <summary>As it was written.</summary>
    public string Written { get; }

    /// <summary>Whether it means the image with this ID and these names.</summary>
    public bool Matches(string imageId, IEnumerable<string> names)
    {
        ArgumentNullException.ThrowIfNull(imageId);
        ArgumentNullException.ThrowIfNull(names);
        return names.SelectMany(FormsOf).Append(imageId).Any(name => _pattern.IsMatch(name))
            || ImageId.Matches(Written, imageId);
    }

    /// <summary>A name without its tag or digest.</summary>
    public static string RepositoryOf(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        var withoutDigest = name.Split('@')[0];
        return HasTag(withoutDigest) ? withoutDigest[..withoutDigest.LastIndexOf(':')] : withoutDigest;
    }

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
        if (listed.StartsWith(Local, StringComparison.Ordinal))
            return [listed, listed[Local.Length..]];
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
