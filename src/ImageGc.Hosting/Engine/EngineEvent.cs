namespace ImageGc.Hosting;

/// <summary>What happened in the engine.</summary>
public enum EngineEventKind
{
    /// <summary>What the engine remembers from after the cursor has come; what happens from now on follows.</summary>
    Started,

    /// <summary>A container was created.</summary>
    ContainerCreated,

    /// <summary>A container was removed.</summary>
    ContainerRemoved,

    /// <summary>An image was pulled from a registry.</summary>
    ImagePulled,

    /// <summary>An image was loaded or imported from a file.</summary>
    ImageLoaded,

    /// <summary>An image got a name.</summary>
    ImageTagged,

    /// <summary>An image was removed.</summary>
    ImageRemoved,
}

/// <summary>Something that happened in the engine, as the engine reports it: nothing is looked up.</summary>
public sealed record EngineEvent
{
    /// <summary>What happened.</summary>
    public required EngineEventKind Kind { get; init; }

    /// <summary>The container that it happened to; null if it was an image.</summary>
    public string? ContainerId { get; init; }

    /// <summary>The ID or name of the image, or of the container's image as it was named; null if unknown.</summary>
    public string? ImageReference { get; init; }

    /// <summary>The labels of the container; null if the engine does not report them.</summary>
    public IReadOnlyDictionary<string, string>? Labels { get; init; }

    /// <summary>When it happened, by the engine's clock.</summary>
    public DateTimeOffset Time { get; init; }

    /// <summary>Where to go on after this event; opaque. Null if the engine cannot.</summary>
    public string? Cursor { get; init; }
}
