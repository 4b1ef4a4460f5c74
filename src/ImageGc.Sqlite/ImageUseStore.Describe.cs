using Dapper;

namespace ImageGc.Sqlite;

/// <summary>The names and the size of an image, as the engine reports them.</summary>
/// <param name="ImageId">The image ID.</param>
/// <param name="Names">
/// Its names. Empty if the image has lost them: the store still shows the last ones, but they keep the image no longer
/// (<see cref="ImageUseStore.Keep"/>).
/// </param>
/// <param name="SizeBytes">Its size in bytes; null if unknown, which leaves the stored size unchanged.</param>
public sealed record ImageDescription(string ImageId, IReadOnlyCollection<string> Names, long? SizeBytes = null);

public sealed partial class ImageUseStore
{
    /// <summary>
    /// Stores names and sizes of tracked images, which lists and the history show and <see cref="Keep"/> matches.
    /// Images that are not tracked are ignored, and so are names that are empty or contain white space.
    /// </summary>
    /// <param name="images">The images. Only what changed is written, in one transaction.</param>
    /// <exception cref="ArgumentNullException"><paramref name="images"/> is null.</exception>
    /// <exception cref="ImageUseStoreException">The descriptions could not be stored; none was stored.</exception>
    public void Describe(IEnumerable<ImageDescription> images)
    {
        ArgumentNullException.ThrowIfNull(images);
        var described = images.Select(image => new
        {
            imageId = image.ImageId,
            names = string.Join(' ', image.Names.Where(name => name.Length > 0 && !name.Any(char.IsWhiteSpace))),
            sizeBytes = image.SizeBytes,
        }).ToList();
        WriteAfterBacklog("describe the images", (connection, _) =>
            described.Sum(image => connection.Execute(UpsertDescription, image)));
    }

    private const string UpsertDescription = """
        INSERT INTO image_description (image_id, names, names_lost, size_bytes)
        SELECT image_id, @names, @names = '', @sizeBytes
        FROM image_use
        WHERE image_id = @imageId
        ON CONFLICT (image_id) DO UPDATE
        SET names = CASE excluded.names WHEN '' THEN names ELSE excluded.names END,
            names_lost = excluded.names_lost,
            size_bytes = coalesce(excluded.size_bytes, size_bytes)
        WHERE excluded.names NOT IN ('', names)
           OR excluded.names_lost <> names_lost
           OR excluded.size_bytes <> coalesce(size_bytes, -1)
        """;

    private static string[] NamesIn(string? names) =>
        names?.Split(' ', StringSplitOptions.RemoveEmptyEntries) ?? [];

    private static string? NamesOf(ImageUse image) => image.Names.Count > 0 ? string.Join(' ', image.Names) : null;
}
