namespace ImageGc.Hosting;

/// <summary>A container in the engine, in whatever state.</summary>
public sealed record EngineContainer
{
    /// <summary>Its ID.</summary>
    public required string Id { get; init; }

    /// <summary>Its name, for people; null if it has none.</summary>
    public string? Name { get; init; }

    /// <summary>The IDs of all images that it uses: its own, and each that is mounted into it.</summary>
    public required IReadOnlyList<string> ImageIds { get; init; }

    /// <summary>Its labels.</summary>
    public IReadOnlyDictionary<string, string> Labels { get; init; } = new Dictionary<string, string>();
}
