using Dapper;

namespace ImageGc.Sqlite;

/// <summary>What people want to know of an image, as the engine reports it.</summary>
/// <param name="ImageId">The image ID.</param>
/// <param name="Names">
/// Its names; none if it has lost them: then those it had stay known, and keep it no longer.
/// </param>
/// <param name="SizeBytes">Its size; null if unknown: then the one that was known stays.</param>
public sealed record ImageDescription(string ImageId, IReadOnlyCollection<string> Names, long? SizeBytes = null);

public sealed partial class ImageUseStore
{
    /// <summary>
    /// Keeps names and sizes of tracked images, for people: lists show them, and the history once the image is gone.
    /// Images that are not tracked are ignored, and names that are empty or have white space.
    /// </summary>
    /// <param name="images">The images; writes only what has changed, in one transaction.</param>
    /// <exception cref="ArgumentNullException">It is null.</exception>
    /// <exception cref="ImageUseStoreException">They could not be stored; none was.</exception>
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
