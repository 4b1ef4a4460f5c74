namespace ImageGc.Hosting;

/// <summary>An image that the engine has.</summary>
public sealed record EngineImage
{
    /// <summary>The full ID, by which the image is tracked and removed.</summary>
    public required string ImageId { get; init; }

    /// <summary>The image's tags and digests, such as `registry/agent:1.5` and `registry/agent@sha256:…`.</summary>
    public IReadOnlyList<string> Names { get; init; } = [];

    /// <summary>The size in bytes, including layers that other images share; null if unknown.</summary>
    public long? SizeBytes { get; init; }

    /// <summary>The bytes that no other image shares and that a removal frees; null if unknown.</summary>
    public long? UniqueBytes { get; init; }

    /// <summary>The ID of the image that this one is built on and that is removed after it; null if none.</summary>
    public string? ParentId { get; init; }

    /// <summary>The image's labels.</summary>
    public IReadOnlyDictionary<string, string> Labels { get; init; } = new Dictionary<string, string>();

    /// <summary>Whether the image is in a read-only store, so that it is never removed.</summary>
    public bool ReadOnly { get; init; }
}
