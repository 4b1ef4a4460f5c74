using System.Text.RegularExpressions;

namespace ImageGc.Sqlite;

/// <summary>
/// A pattern that people type for images: a name, an ID (which can be shortened, see <see cref="ImageId"/>), or a glob
/// with * and ?, such as `registry/agent:*`. A name without a tag matches every tag. A registry or namespace that
/// Docker or Podman omits in lists can be omitted too.
/// </summary>
public sealed partial class ImagePattern
{
    /// <summary>
    /// The prefixes that Docker omits when it lists a name, longest first (normalize.go in
    /// https://github.com/distribution/reference).
    /// </summary>
    private static readonly string[] Implied =
        ["index.docker.io/library/", "docker.io/library/", "index.docker.io/", "docker.io/", "library/"];

    /// <summary>The prefix with which Podman lists a name without a registry; people omit it.</summary>
    private const string Local = "localhost/";

    private readonly Regex _names;
    private readonly Regex _ids;

    /// <summary>Creates a pattern from any text.</summary>
    /// <param name="written">The text as it was typed.</param>
    /// <exception cref="ArgumentNullException"><paramref name="written"/> is null.</exception>
    public ImagePattern(string written)
    {
        ArgumentNullException.ThrowIfNull(written);
        Written = written;
        var name = TagBeforeDigest.Replace(written, "");
        _names = ToRegex(name, HasTag(name) ? "" : "([:@].*)?");
        _ids = ToRegex(written); // Not with any ending, because 'sha256' would match every ID.
    }

    /// <summary>The text as it was typed.</summary>
    public string Written { get; }

    /// <summary>Returns whether the pattern matches the image with this ID and these names.</summary>
    public bool Matches(string imageId, IEnumerable<string> names)
    {
        ArgumentNullException.ThrowIfNull(imageId);
        ArgumentNullException.ThrowIfNull(names);
        return names.SelectMany(FormsOf).Any(name => _names.IsMatch(name))
            || _ids.IsMatch(imageId)
            || ImageId.Matches(Written, imageId);
    }

    /// <summary>Returns a name without its tag and digest.</summary>
    public static string RepositoryOf(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        var withoutDigest = name.Split('@')[0];
        return HasTag(withoutDigest) ? withoutDigest[..withoutDigest.LastIndexOf(':')] : withoutDigest;
    }

    /// <summary>The tag in a name that also has a digest. Docker ignores such a tag.</summary>
    [GeneratedRegex(@":[^:/@]*(?=@)")]
    private static partial Regex TagBeforeDigest { get; }

    private static Regex ToRegex(string glob, string ending = "")
    {
        var pattern = Regex.Escape(glob)
            .Replace(@"\*", ".*", StringComparison.Ordinal)
            .Replace(@"\?", ".", StringComparison.Ordinal);
        return new Regex(
            $"^{pattern}{ending}$",
            RegexOptions.CultureInvariant | RegexOptions.Singleline | RegexOptions.NonBacktracking);
    }

    /// <summary>
    /// Returns whether a name has a tag or a digest. A colon before the last slash belongs to the port of a registry.
    /// </summary>
    private static bool HasTag(string name) => name.LastIndexOfAny([':', '@']) > name.LastIndexOf('/');

    /// <summary>Returns all forms in which people may type a name.</summary>
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
