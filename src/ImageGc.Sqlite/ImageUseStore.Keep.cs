using System.Globalization;
using Dapper;
using Microsoft.Data.Sqlite;

namespace ImageGc.Sqlite;

public sealed partial class ImageUseStore
{
    /// <summary>
    /// Keeps the images that match a pattern, now and in the future, until <see cref="Unkeep"/>. No prune of any
    /// process removes them, not even one that is running. They do not count as used, so they keep getting older.
    /// </summary>
    /// <param name="pattern">
    /// An <see cref="ImagePattern"/> of at most <see cref="ImageId.MaxLength"/> characters, without white space. It is
    /// matched with the names that <see cref="Describe"/> stored.
    /// </param>
    /// <exception cref="ArgumentException"><paramref name="pattern"/> is not valid.</exception>
    /// <exception cref="ImageUseStoreException">The pattern could not be stored.</exception>
    public void Keep(string pattern)
    {
        if (!ImageId.IsValid(pattern))
            throw new ArgumentException($"Not a valid image name, ID or pattern: {ImageId.Quote(pattern ?? "")}.");
        var keptUtc = _time.GetUtcNow().UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
        WriteAfterBacklog("keep images", (connection, _) => connection.Execute("""
            INSERT OR IGNORE INTO kept_image (pattern, kept_utc)
            VALUES (@pattern, @keptUtc)
            """, new { pattern, keptUtc }));
    }

    /// <summary>Removes a pattern that <see cref="Keep"/> stored.</summary>
    /// <returns>Whether it was stored.</returns>
    /// <exception cref="ImageUseStoreException">The change could not be stored.</exception>
    public bool Unkeep(string pattern) => WriteAfterBacklog("stop keeping images", (connection, _) =>
        connection.Execute("""
            DELETE FROM kept_image
            WHERE pattern = @pattern
            """, new { pattern }) > 0);

    /// <summary>Returns the patterns that <see cref="Keep"/> stored, in ordinal order.</summary>
    /// <exception cref="ImageUseStoreException">The patterns could not be read.</exception>
    public IReadOnlyList<string> ListKept() =>
        _database.Read("list the kept patterns", connection => SelectKept(connection));

    private static List<string> SelectKept(SqliteConnection connection) => connection.Query<string>("""
        SELECT pattern
        FROM kept_image
        ORDER BY pattern
        """).AsList();

    /// <summary>Adds the images that are kept by hand to `temp.listed`.</summary>
    private static void BindKept(SqliteConnection connection)
    {
        var patterns = SelectKept(connection).ConvertAll(pattern => new ImagePattern(pattern));
        if (patterns.Count == 0)
            return;
        foreach (var image in connection.Query<NamesRow>(SelectNames))
        {
            if (KeptBy(patterns, image) is { } kept)
                connection.Execute(
                    InsertKept, new { imageId = image.ImageId, keptBy = $"by hand, as {kept.Written}" });
        }
    }

    private bool IsKeptNow(ImageUse image) => _database.Read("read the kept patterns", connection =>
        SelectKept(connection).ConvertAll(pattern => new ImagePattern(pattern)) is { Count: > 0 } patterns
        && connection.Query<NamesRow>(
            $"""
            {SelectNames}
            WHERE image_use.image_id = @imageId
            """, new { imageId = image.ImageId }).Any(names => KeptBy(patterns, names) is not null));

    private static ImagePattern? KeptBy(List<ImagePattern> patterns, NamesRow image)
    {
        var names = NamesIn(image.Names);
        return patterns.Find(pattern => pattern.Matches(image.ImageId, names));
    }

    private const string SelectNames = """
        SELECT image_use.image_id AS ImageId,
               CASE WHEN names_lost THEN '' ELSE names END AS Names
        FROM image_use
        LEFT JOIN image_description ON image_description.image_id = image_use.image_id
        """;

    internal sealed record NamesRow(string ImageId, string? Names);
}
