namespace ImageGc.Hosting;

/// <summary>A container that the engine has, in any state.</summary>
public sealed record EngineContainer
{
    /// <summary>The container's ID.</summary>
    public required string Id { get; init; }

    /// <summary>The container's name, for messages; null if it has none.</summary>
    public string? Name { get; init; }

    /// <summary>The full IDs of all images in use: the container's own, and each image mounted into it.</summary>
    public required IReadOnlyList<string> ImageIds { get; init; }

    /// <summary>The container's labels.</summary>
    public IReadOnlyDictionary<string, string> Labels { get; init; } = new Dictionary<string, string>();
}
