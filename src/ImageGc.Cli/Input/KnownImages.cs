using ImageGc.Cli.Execution;
using ImageGc.Hosting;
using ImageGc.Sqlite;

namespace ImageGc.Cli.Input;

/// <summary>Finds images by a name, a glob, or a full or shortened ID.</summary>
internal sealed class KnownImages(IReadOnlyCollection<ImageUse> images)
{
    /// <summary>The images with exactly this ID; if there are none, all images that match.</summary>
    public List<ImageUse> All(string written)
    {
        var exact = images.Where(image => image.ImageId == written).ToList();
        var pattern = new ImagePattern(written);
        return exact.Count > 0 ? exact : [.. images.Where(image => pattern.Matches(image.ImageId, image.Names))];
    }

    /// <summary>Those of the items whose images match, as <see cref="All"/> finds them.</summary>
    public static List<T> Matching<T>(string written, IReadOnlyCollection<T> items, Func<T, ImageUse> imageOf)
    {
        var matching = new KnownImages([.. items.Select(imageOf)]).All(written)
            .Select(image => image.ImageId).ToHashSet(StringComparer.Ordinal);
        return [.. items.Where(item => matching.Contains(imageOf(item).ImageId))];
    }

    /// <exception cref="CommandFailedException">No image matches, or several do.</exception>
    public ImageUse One(string written)
    {
        var found = All(written);
        return found.Count == 1 ? found[0] : throw new CommandFailedException(found.Count == 0
            ? $"'{written}' is not tracked. {Hint(written)}"
            : $"'{written}' matches {found.Count} tracked images: {string.Join(", ", found.Select(Describe))}. Use the "
                + "ID of one of them.");
    }

    private const string ListHint = "To list the tracked images, run 'imagegc list'.";

    /// <summary>What the user may have meant.</summary>
    public string Hint(string written) =>
        NearestName.Find(written, images.SelectMany(image => image.Names)) is { } nearest
            ? $"Did you mean '{nearest}'? {ListHint}"
            : ListHint;

    private static string Describe(ImageUse image) =>
        $"{ImageId.Shorten(image.ImageId)}{(image.Names.Count == 0 ? "" : $" ({image.Names[0]})")}";
}
