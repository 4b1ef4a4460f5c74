using ImageGc.Sqlite;

namespace ImageGc.Hosting;

/// <summary>The rules by which unused images stay: by name or ID, by label, as the newest.</summary>
internal sealed class KeptImages
{
    private readonly List<ImagePattern> _images;
    private readonly List<LabelFilter> _labels;
    private readonly int _newest;

    public KeptImages(ImageGarbageCollectionOptions options)
    {
        _images = [.. options.KeepImages.Select(image => new ImagePattern(image.Trim()))];
        _labels = [.. options.KeepLabels.Select(label => new LabelFilter(label))];
        _newest = options.KeepNewest;
    }

    /// <summary>Returns the IDs of the images that stay, each with its rule.</summary>
    /// <param name="images">All images of the engine.</param>
    /// <param name="tracked">All tracked images, which are those with a known use.</param>
    /// <param name="inUse">The IDs of the images in use.</param>
    /// <param name="byHand">The names that a person keeps. They mean the images that have these names now.</param>
    public Dictionary<string, string> Among(
        IReadOnlyCollection<EngineImage> images, IReadOnlyList<ImageUse> tracked, IReadOnlySet<string> inUse,
        IReadOnlyList<string>? byHand = null)
    {
        Dictionary<string, string> kept = new(StringComparer.Ordinal);
        foreach (var pattern in (byHand ?? []).Select(written => new ImagePattern(written)))
        {
            foreach (var image in images.Where(image => pattern.Matches(image.ImageId, image.Names)))
                kept.TryAdd(image.ImageId, $"by hand, as {pattern.Written}");
        }

        foreach (var image in images)
        {
            if (RuleOf(image) is { } rule)
                kept.TryAdd(image.ImageId, rule);
        }

        foreach (var (imageId, repository) in _newest > 0 ? Newest(images, tracked, inUse) : [])
            kept.TryAdd(imageId, $"KeepNewest {_newest} of {repository}");
        return kept;
    }

    /// <summary>Returns the entries of KeepImages that match none of these images, with the nearest name.</summary>
    public IEnumerable<(string Pattern, string? Nearest)> MatchingNone(IReadOnlyCollection<EngineImage> images) =>
        _images.Where(entry => !images.Any(image => entry.Matches(image.ImageId, image.Names)))
            .Select(entry => (entry.Written, NearestName.Find(entry.Written, images.SelectMany(image => image.Names))));

    private string? RuleOf(EngineImage image)
    {
        if (_images.Find(entry => entry.Matches(image.ImageId, image.Names)) is { } entry)
            return $"KeepImages {entry.Written}";
        if (_labels.Find(label => label.Matches(image.Labels)) is { } label)
            return $"KeepLabels {label}";
        return image.ReadOnly ? "the engine's store is read-only" : null;
    }

    /// <summary>Returns the images of each repository that are in use or were used last.</summary>
    private IEnumerable<(string ImageId, string Repository)> Newest(
        IReadOnlyCollection<EngineImage> images, IReadOnlyList<ImageUse> tracked, IReadOnlySet<string> inUse)
    {
        var uses = tracked.ToDictionary(use => use.ImageId, StringComparer.Ordinal);
        return images
            .Where(image => uses.ContainsKey(image.ImageId) || inUse.Contains(image.ImageId))
            .Select(image => (Image: image, Use: uses.GetValueOrDefault(image.ImageId)))
            // A pull moves the tag to the new image. The old one has no name then, and the store knows its last ones.
            .SelectMany(one => (one.Image.Names.Count > 0 ? one.Image.Names : one.Use.Names)
                .Select(ImagePattern.RepositoryOf).Distinct()
                .Select(repository => (one.Image.ImageId, one.Use, repository)))
            .GroupBy(one => one.repository, StringComparer.Ordinal)
            .SelectMany(repository => repository
                .OrderByDescending(one => inUse.Contains(one.ImageId)).ThenByDescending(one => one.Use.LastUsedAt)
                .ThenBy(one => one.ImageId, StringComparer.Ordinal) // Or each run would keep others of equal age.
                .Take(_newest).Select(one => (one.ImageId, repository.Key)));
    }
}
