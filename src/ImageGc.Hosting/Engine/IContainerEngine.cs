namespace ImageGc.Hosting;

/// <summary>A container engine whose unused images are removed. ImageGc.Docker has one for Docker and Podman.</summary>
/// <remarks>
/// Return a complete answer or throw: after an incomplete one, images in use would be removed. Every method must end
/// within a bounded time. Throw <see cref="EngineUnavailableException"/> if the engine cannot be reached: the run ends.
/// Throw <see cref="TimeoutException"/> if it does not answer: the run ends at the third one in a row. Any other
/// exception affects only that call. Several threads call the methods at the same time. The log names the engine by
/// <see cref="object.ToString"/>.
/// </remarks>
public interface IContainerEngine
{
    /// <summary>
    /// The engine's settings, by the names passed to <see cref="ImageGarbageCollectionBuilder.AddEngine"/>; none by
    /// default. They are stored in the database so that other programs find the same engine: include no secrets. Must
    /// return at once and must not throw.
    /// </summary>
    IReadOnlyDictionary<string, string> Settings => new Dictionary<string, string>();

    /// <summary>
    /// Identifies the engine and its image store. Returns the same text across restarts and upgrades, and another text
    /// after a change of the image store or the data directory.
    /// </summary>
    Task<string> IdentifyAsync(CancellationToken cancellationToken);

    /// <summary>Returns whether the text is a full image ID, as the engine itself writes it.</summary>
    bool IsImageId(string text);

    /// <summary>Lists every image.</summary>
    Task<IReadOnlyCollection<EngineImage>> ListImagesAsync(CancellationToken cancellationToken);

    /// <summary>Lists every container in any state: running, paused, stopped, created.</summary>
    Task<IReadOnlyCollection<EngineContainer>> ListContainersAsync(CancellationToken cancellationToken);

    /// <summary>
    /// Removes an image without force. Returns once the image is gone, also if it was gone before; throws if it stays.
    /// </summary>
    Task RemoveImageAsync(string imageId, CancellationToken cancellationToken);

    /// <summary>Measures the disk that holds the images; returns null if the engine cannot name that disk.</summary>
    Task<DiskUsage?> MeasureDiskAsync(CancellationToken cancellationToken);

    /// <summary>Finds the image with this ID or name; returns null if there is none.</summary>
    Task<EngineImage?> FindImageAsync(string reference, CancellationToken cancellationToken);

    /// <summary>Finds the container with this ID, by default in the list; returns null if there is none.</summary>
    async Task<EngineContainer?> FindContainerAsync(string containerId, CancellationToken cancellationToken)
    {
        var containers = await ListContainersAsync(cancellationToken).ConfigureAwait(false);
        return containers.FirstOrDefault(container => container.Id == containerId);
    }

    /// <summary>
    /// Streams events of containers and images until the engine ends the stream or cannot be reached: first the events
    /// after the cursor that the engine remembers, then one <see cref="EngineEventKind.Started"/>, then new events. The
    /// <see cref="EngineEvent.Time"/> of that one is the moment after which events are new.
    /// </summary>
    /// <param name="cursor">
    /// The <see cref="EngineEvent.Cursor"/> of the last event that was handled; null to begin now.
    /// </param>
    /// <param name="cancellationToken">Ends the stream.</param>
    /// <returns>
    /// The events; null, which is the default, if the engine has none. The host then compares the containers every
    /// minute, and misses those that live for less than that.
    /// </returns>
    IAsyncEnumerable<EngineEvent>? WatchAsync(string? cursor, CancellationToken cancellationToken) => null;
}
