using ImageGc.Cli.Execution;
using ImageGc.Hosting;
using ImageGc.Sqlite;

namespace ImageGc.Cli.Input;

/// <summary>Finds images in the engine by the names and IDs that the user wrote.</summary>
internal static class EngineImages
{
    /// <exception cref="CommandFailedException">The engine does not have one of them.</exception>
    public static async Task<List<EngineImage>> FindAsync(
        this IContainerEngine engine, IEnumerable<string> written, CancellationToken cancellationToken)
    {
        List<EngineImage> found = [];
        foreach (var reference in written)
        {
            found.Add(await engine.FindImageAsync(reference, cancellationToken)
                ?? throw await UnknownAsync(engine, reference, cancellationToken));
        }

        return found;
    }

    /// <summary>Tracks images as used now, with their names and sizes.</summary>
    public static void Track(this ImageUseStore store, IReadOnlyCollection<EngineImage> images)
    {
        store.RecordUse(images.Select(image => image.ImageId));
        store.Describe(
            images.Select(image => new ImageDescription(image.ImageId, image.Names.ToList(), image.SizeBytes)));
    }

    private static async Task<CommandFailedException> UnknownAsync(
        IContainerEngine engine, string reference, CancellationToken cancellationToken)
    {
        var images = await engine.ListImagesAsync(cancellationToken);
        var nearest = NearestName.Find(reference, images.SelectMany(image => image.Names));
        return new CommandFailedException($"The engine at {engine} has no image '{reference}'. Nothing was changed."
            + (nearest is null ? "" : $" Did you mean '{nearest}'?"));
    }
}
