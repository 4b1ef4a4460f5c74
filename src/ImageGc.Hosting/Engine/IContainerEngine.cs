namespace ImageGc.Hosting;

/// <summary>A container engine whose images are collected. ImageGc.Docker has one for Docker and Podman.</summary>
/// <remarks>
/// An answer is whole or an exception: after an incomplete one images that are in use would be removed. Every method
/// bounds how long it takes. It throws <see cref="EngineUnavailableException"/> if the engine cannot be reached, which
/// ends a run, or <see cref="TimeoutException"/> if it does not answer, which ends it the third time in a row. Whatever
/// else it throws concerns the one image or container that was asked for, or the one call. Calls may come from several
/// threads at once. What <see cref="object.ToString"/> returns names it in the log.
/// </remarks>
public interface IContainerEngine
{
    /// <summary>
    /// Its settings by the names that <see cref="ImageGarbageCollectionBuilder.AddEngine"/> was given, so that other
    /// programs ask the same engine: they are noted in the database, so without secrets. Answers at once and does not
    /// throw. By default none.
    /// </summary>
    IReadOnlyDictionary<string, string> Settings => new Dictionary<string, string>();

    /// <summary>
    /// Names the engine and its store of images: the same text as long as the images are the same ones, over restarts
    /// and upgrades too; another one once the store was switched or the data directory is another.
    /// </summary>
    Task<string> IdentifyAsync(CancellationToken cancellationToken);

    /// <summary>Whether this is an image ID in full, as the engine itself writes it.</summary>
    bool IsImageId(string text);

    /// <summary>Every image.</summary>
    Task<IReadOnlyCollection<EngineImage>> ListImagesAsync(CancellationToken cancellationToken);

    /// <summary>Every container, in whatever state: running, paused, stopped, created.</summary>
    Task<IReadOnlyCollection<EngineContainer>> ListContainersAsync(CancellationToken cancellationToken);

    /// <summary>
    /// Removes an image, unforced. Returns once it is gone, also if it was gone before; throws while it is still there.
    /// </summary>
    Task RemoveImageAsync(string imageId, CancellationToken cancellationToken);

    /// <summary>The disk that holds the images; null if the engine cannot say.</summary>
    Task<DiskUsage?> MeasureDiskAsync(CancellationToken cancellationToken);

    /// <summary>The image with this ID or name; null if there is none.</summary>
    Task<EngineImage?> FindImageAsync(string reference, CancellationToken cancellationToken);

    /// <summary>The container with this ID; null if there is none. By default looked up in the list.</summary>
    async Task<EngineContainer?> FindContainerAsync(string containerId, CancellationToken cancellationToken)
    {
        var containers = await ListContainersAsync(cancellationToken).ConfigureAwait(false);
        return containers.FirstOrDefault(container => container.Id == containerId);
    }

    /// <summary>
    /// What happens to containers and images, until the engine ends the stream or cannot be reached: first what the
    /// engine remembers from after the cursor, then <see cref="EngineEventKind.Started"/>, then everything that happens
    /// from that moment on. Its <see cref="EngineEvent.Time"/> is the moment after which events were asked for.
    /// </summary>
    /// <param name="cursor">
    /// The <see cref="EngineEvent.Cursor"/> of the last event seen, to go on after it as far as the engine remembers;
    /// null to begin now.
    /// </param>
    /// <param name="cancellationToken">Ends the stream.</param>
    /// <returns>
    /// Null if the engine has no events, which is the default. Then containers are compared each minute, and those that
    /// live shorter are missed.
    /// </returns>
    IAsyncEnumerable<EngineEvent>? WatchAsync(string? cursor, CancellationToken cancellationToken) => null;
}
