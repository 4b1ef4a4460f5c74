using Dapper;
using Microsoft.Data.Sqlite;

namespace ImageGc.Sqlite;

public sealed partial class ImageUseStore
{
    /// <summary>
    /// Reads and checks the arguments before anything is locked, because the caller's collections can be slow to
    /// enumerate. Uses that could not be recorded yet count as in use.
    /// </summary>
    private PruneRequest RequestOf(IEnumerable<string> inUseImageIds, PruneOptions? options)
    {
        ArgumentNullException.ThrowIfNull(inUseImageIds);
        options ??= new PruneOptions();
        options.Validate(nameof(options));
        List<string> inUse = [.. inUseImageIds];
        lock (_backlogLock)
            inUse.AddRange(_unrecordedUses);
        var imageIds = inUse.ToLookup(ImageId.IsValid);
        if (imageIds[false].Any())
        {
            var first = ImageId.Quote(imageIds[false].First() ?? "null");
            if (!options.AllowOtherIdForms)
                throw UselessInUse($"{first} is not an image ID", GiveImageIds);
            _log.IgnoredInUse(imageIds[false].Count(), first);
        }

        return new PruneRequest(
            [.. imageIds[true]], [.. options.Keep.Where(kept => ImageId.IsValid(kept.Key))], options.Parents,
            options.AllowOtherIdForms, options.Threshold ?? _threshold, NameOf(options.Kind), options.Decided,
            options.Progress, options.Enough, options.Freed);
    }

    /// <summary>Puts the IDs of the images that are in use or kept into `temp.listed`.</summary>
    /// <exception cref="ArgumentException">An ID in use has another form than the tracked ones.</exception>
    private static void BindListed(SqliteConnection connection, PruneRequest request)
    {
        BindListed(connection, request.InUse);
        if (!request.AllowOtherIdForms)
            RequireSameForm(connection);
        foreach (var (imageId, keptBy) in request.Keep)
            connection.Execute(InsertKept, new { imageId, keptBy });
        BindKept(connection);
    }

    private static void BindListed(SqliteConnection connection, List<string> imageIds)
    {
        connection.Execute(CreateListed);
        using var insert = new PreparedStatement(connection, InsertListed);
        imageIds.ForEach(imageId => insert.Run(imageId));
    }

    internal const string CreateListed = """
        DROP TABLE IF EXISTS temp.listed;
        CREATE TEMP TABLE listed (
            image_id TEXT NOT NULL PRIMARY KEY,
            kept_by  TEXT
        ) WITHOUT ROWID;
        """;

    internal const string InsertListed = """
        INSERT OR IGNORE INTO temp.listed (image_id)
        VALUES (@imageId)
        """;

    /// <remarks>An image that is both in use and kept counts as in use, which was inserted first.</remarks>
    private const string InsertKept = """
        INSERT OR IGNORE INTO temp.listed (image_id, kept_by)
        VALUES (@imageId, @keptBy)
        """;

    private static void RequireSameForm(SqliteConnection connection)
    {
        if (connection.QueryFirstOrDefault<string>(SelectOtherForm) is { } other)
        {
            throw UselessInUse(
                $"{ImageId.Quote(other)} has another form than the tracked IDs",
                ImageId.IsDigest(other) ? "Record images by such IDs too, and forget the tracked ones." : GiveImageIds);
        }
    }

    private const string GiveImageIds =
        "Give the full image IDs of all containers: docker inspect --format '{{.Image}}' CONTAINER.";

    /// <remarks>No parameter name: it would become part of the message, which the command line shows.</remarks>
    private static ArgumentException UselessInUse(string what, string advice) => new(
        $"The ID in use {what}, so it would protect no image, and an image in use could expire. Nothing was changed. "
        + advice);

    /// <summary>Finds an untracked ID in use that may be another name of a tracked image.</summary>
    /// <remarks>
    /// IDs have two forms: digests (<see cref="ImageId.IsDigest"/>) and all others. If digests are tracked, an
    /// untracked name may stand for one of them, even if other names are tracked: one use that was recorded by name
    /// must not disable this check.
    /// </remarks>
    internal const string SelectOtherForm = $"""
        SELECT image_id
        FROM temp.listed
        WHERE EXISTS (SELECT 1 FROM image_use)
          AND image_id NOT IN (SELECT image_id FROM image_use)
          AND CASE WHEN {IsDigest}
                   THEN NOT EXISTS (SELECT 1 FROM image_use WHERE {IsDigest})
                   ELSE EXISTS (SELECT 1 FROM image_use WHERE {IsDigest}) END
        LIMIT 1
        """;

    private const string IsDigest =
        "(length(image_id) = 71 AND image_id GLOB 'sha256:*' AND substr(image_id, 8) NOT GLOB '*[^0-9a-f]*')";

    private static string NameOf(PruneKind kind) => kind switch
    {
        PruneKind.Scheduled => "scheduled",
        PruneKind.DiskPressure => "disk-pressure",
        PruneKind.Manual => "manual",
        PruneKind.Gone => "gone",
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, null),
    };

    private static string NameOf(FreedBy by) => by == FreedBy.Engine ? "engine" : "disk";

    private static PruneKind KindOf(string name) =>
        Enum.GetValues<PruneKind>().FirstOrDefault(kind => NameOf(kind) == name);

    /// <summary>The checked arguments of a prune, as <see cref="PruneOptions"/> describes them.</summary>
    /// <param name="InUse">Valid IDs of images in use.</param>
    /// <param name="Keep">Valid IDs of images to keep, and by which rule.</param>
    /// <param name="Parents">The ID of each image's parent, by the ID of the child.</param>
    /// <param name="AllowOtherIdForms">As <see cref="PruneOptions.AllowOtherIdForms"/>.</param>
    /// <param name="Threshold">How long an image must have been unused.</param>
    /// <param name="Kind">The kind as the history has it.</param>
    /// <param name="Decided">Receives the verdicts, or null.</param>
    /// <param name="Progress">Receives the outcomes, or null.</param>
    /// <param name="Enough">Returns whether to stop, or null.</param>
    /// <param name="Freed">Returns what a removal freed, or null.</param>
    private sealed record PruneRequest(
        List<string> InUse, List<KeyValuePair<string, string>> Keep, IReadOnlyDictionary<string, string> Parents,
        bool AllowOtherIdForms, TimeSpan Threshold, string Kind,
        Action<IReadOnlyList<PruneVerdict>>? Decided, IProgress<PruneOutcome>? Progress,
        Func<CancellationToken, Task<bool>>? Enough, Func<ImageUse, FreedSpace?>? Freed);
}
