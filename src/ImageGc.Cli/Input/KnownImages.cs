using ImageGc.Cli.Execution;
using ImageGc.Hosting;
using ImageGc.Sqlite;

namespace ImageGc.Cli.Input;

/// <summary>Finds the images that a person means by a name, or by an ID that may be shortened.</summary>
internal sealed class KnownImages(IReadOnlyCollection<ImageUse> images)
{
    /// <summary>Those with this ID; if there is none, all that the name or the first digits fit.</summary>
    public List<ImageUse> All(string written)
    {
        var exact = images.Where(image => image.ImageId == written).ToList();
        var pattern = new ImagePattern(written);
        return exact.Count > 0 ? exact : [.. images.Where(image => pattern.Matches(image.ImageId, image.Names))];
    }

    /// <exception cref="CommandFailedException">There is none, or several.</exception>
    public ImageUse One(string written)
    {
        var found = All(written);
        return found.Count == 1 ? found[0] : throw new CommandFailedException(found.Count == 0
            ? $"'{written}' is not tracked. {Hint(written)}"
            : $"'{written}' can be {found.Count} tracked images: {string.Join(", ", found.Select(Describe))}. Name one "
                + "of them by its ID.");
    }

    /// <summary>What may have been meant.</summary>
    public string Hint(string written) =>
        NearestName.Find(written, images.SelectMany(image => image.Names)) is { } nearest
            ? $"The nearest name is '{nearest}'; 'imagegc list' shows all."
            : "'imagegc list' shows what is.";

    private static string Describe(ImageUse image) =>
        $"{ImageId.Shorten(image.ImageId)}{(image.Names.Count == 0 ? "" : $" ({image.Names[0]})")}";
}
