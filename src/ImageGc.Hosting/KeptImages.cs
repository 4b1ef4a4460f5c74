using System.Text.RegularExpressions;
using ImageGc.Sqlite;
using Quickenshtein;

namespace ImageGc.Hosting;

/// <summary>Which images stay although nobody uses them: by name or ID, by label, as the newest.</summary>
internal sealed partial class KeptImages
{
    /// <summary>What Docker leaves out when it lists a name, the longest first.</summary>
    private static readonly string[] Implied =
        ["index.docker.io/library/", "docker.io/library/", "index.docker.io/", "docker.io/", "library/"];

    /// <summary>How Podman lists what has no registry, and people leave out.</summary>
    private const string Local = "localhost/";

    private readonly List<(string Written, Regex Pattern)> _images;
    private readonly List<LabelFilter> _labels;
    private readonly int _newest;

    public KeptImages(ImageGarbageCollectionOptions options)
    {
        _images = [.. options.KeepImages.Select(image => image.Trim()).Select(image => (image, ToRegex(image)))];
        _labels = [.. options.KeepLabels.Select(label => new LabelFilter(label))];
        _newest = options.KeepNewest;
    }

    /// <summary>The images of the engine that stay although nobody uses them, and by which rule.</summary>
    /// <param name="images">All images of the engine.</param>
    /// <param name="tracked">All tracked images: only of them a use is known.</param>
    /// <param name="inUse">The IDs of those in use.</param>
    public Dictionary<string, string> Among(
        IReadOnlyCollection<EngineImage> images, IReadOnlyList<ImageUse> tracked, IReadOnlySet<string> inUse)
    {
        Dictionary<string, string> kept = new(StringComparer.Ordinal);
        foreach (var image in images)
        {
            if (RuleOf(image) is { } rule)
                kept[image.ImageId] = rule;
        }

        foreach (var (imageId, repository) in _newest > 0 ? Newest(images, tracked, inUse) : [])
            kept.TryAdd(imageId, $"KeepNewest {_newest} of {repository}");
        return kept;
    }

    /// <summary>The entries of KeepImages that match none of these images, with the nearest name.</summary>
    public IEnumerable<(string Pattern, string? Nearest)> MatchingNone(IReadOnlyCollection<EngineImage> images) =>
        _images.Where(entry => !images.Any(image => Matches(entry, image))).Select(entry =>
            (entry.Written, images.SelectMany(image => image.Names).MinBy(name => Distance(entry.Written, name))));

    private string? RuleOf(EngineImage image)
    {
        if (_images.Find(entry => Matches(entry, image)) is { Written: { } written })
            return $"KeepImages {written}";
        if (_labels.Find(label => label.Matches(image.Labels)) is { } label)
            return $"KeepLabels {label}";
        return image.ReadOnly ? "the engine's store is read-only" : null;
    }

    private static bool Matches((string Written, Regex Pattern) entry, EngineImage image) =>
        image.Names.SelectMany(FormsOf).Append(image.ImageId).Any(name => entry.Pattern.IsMatch(name))
        || ImageId.Matches(entry.Written, image.ImageId);

    /// <remarks>People leave out the tag and mistake capitals.</remarks>
    private static int Distance(string written, string name) => new[] { name, RepositoryOf(name) }.Min(form =>
        Levenshtein.GetDistance(written.ToLowerInvariant(), form.ToLowerInvariant(), CalculationOptions.Default));

    /// <summary>The images of each repository that were used last.</summary>
    private IEnumerable<(string ImageId, string Repository)> Newest(
        IReadOnlyCollection<EngineImage> images, IReadOnlyList<ImageUse> tracked, IReadOnlySet<string> inUse)
    {
        var uses = tracked.ToDictionary(use => use.ImageId, StringComparer.Ordinal);
        return images
            .Where(image => uses.ContainsKey(image.ImageId) || inUse.Contains(image.ImageId))
            .Select(image => (Image: image, Use: uses.GetValueOrDefault(image.ImageId)))
            .SelectMany(one => (one.Image.Names.Count > 0 ? one.Image.Names : one.Use.Names)
                .Select(RepositoryOf).Distinct().Select(repository => (one.Image.ImageId, one.Use, repository)))
            .GroupBy(one => one.repository, StringComparer.Ordinal)
            .SelectMany(repository => repository
                .OrderByDescending(one => inUse.Contains(one.ImageId)).ThenByDescending(one => one.Use.LastUsedAt)
                .ThenBy(one => one.ImageId, StringComparer.Ordinal)
                .Take(_newest).Select(one => (one.ImageId, repository.Key)));
    }

    private static string RepositoryOf(string name)
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
