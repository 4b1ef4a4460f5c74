namespace ImageGc.Hosting;

/// <summary>The kind of an <see cref="EngineEvent"/>.</summary>
public enum EngineEventKind
{
    /// <summary>The remembered events after the cursor were all reported. New events follow.</summary>
    Started,

    /// <summary>A container was created.</summary>
    ContainerCreated,

    /// <summary>A container was removed.</summary>
    ContainerRemoved,

    /// <summary>An image was pulled from a registry.</summary>
    ImagePulled,

    /// <summary>An image was loaded or imported from a file.</summary>
    ImageLoaded,

    /// <summary>An image was given a name.</summary>
    ImageTagged,

    /// <summary>An image was removed.</summary>
    ImageRemoved,
}

/// <summary>An event as the engine reports it, without further requests to the engine.</summary>
public sealed record EngineEvent
{
    /// <summary>The kind of event.</summary>
    public required EngineEventKind Kind { get; init; }

    /// <summary>The ID of the container; null if the event is about an image.</summary>
    public string? ContainerId { get; init; }

    /// <summary>The ID or name of the image, or the image name of the container; null if unknown.</summary>
    public string? ImageReference { get; init; }

    /// <summary>The labels of the container; null if the engine does not report them.</summary>
    public IReadOnlyDictionary<string, string>? Labels { get; init; }

    /// <summary>When the event happened, by the engine's clock.</summary>
    public DateTimeOffset Time { get; init; }

    /// <summary>An opaque position from which to continue after this event; null if the engine has none.</summary>
    public string? Cursor { get; init; }
}
