using System.Text.RegularExpressions;
using ImageGc.Sqlite;
using Quickenshtein;

namespace ImageGc.Hosting;

/// <summary>What a person wrote for images: a name, an ID that may be shortened, or a glob.</summary>
internal sealed partial class ImagePattern(string written)
{
    /// <summary>What Docker leaves out when it lists a name, the longest first.</summary>
    private static readonly string[] Implied =
        ["index.docker.io/library/", "docker.io/library/", "index.docker.io/", "docker.io/", "library/"];

    /// <summary>How Podman lists what has no registry, and people leave out.</summary>
    private const string Local = "localhost/";

    private readonly Regex _pattern = ToRegex(written);

    public string Written => written;

    public bool Matches(string imageId, IEnumerable<string> names) =>
        names.SelectMany(FormsOf).Append(imageId).Any(name => _pattern.IsMatch(name))
        || ImageId.Matches(written, imageId);

    /// <summary>The name that it may have been meant to be; null if there is none.</summary>
    public string? NearestOf(IEnumerable<string> names) => names.MinBy(Distance);

    /// <remarks>People leave out the tag and mistake capitals.</remarks>
    private int Distance(string name) => new[] { name, RepositoryOf(name) }.Min(form =>
        Levenshtein.GetDistance(written.ToLowerInvariant(), form.ToLowerInvariant(), CalculationOptions.Default));

    /// <summary>A name without its tag or digest.</summary>
    public static string RepositoryOf(string name)
    {
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
