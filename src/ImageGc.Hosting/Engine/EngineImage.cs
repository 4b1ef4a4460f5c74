namespace ImageGc.Hosting;

/// <summary>An image in the engine.</summary>
public sealed record EngineImage
{
    /// <summary>The ID that is recorded and removed.</summary>
    public required string ImageId { get; init; }

    /// <summary>Its tags and digests, such as `registry/agent:1.5` and `registry/agent@sha256:…`.</summary>
    public IReadOnlyList<string> Names { get; init; } = [];

    /// <summary>How many bytes it has, with what it shares with others; null if unknown.</summary>
    public long? SizeBytes { get; init; }

    /// <summary>How many bytes nothing else shares, which its removal frees; null if unknown.</summary>
    public long? UniqueBytes { get; init; }

    /// <summary>The image that it is built on and that cannot be removed before it; null if there is none.</summary>
    public string? ParentId { get; init; }

    /// <summary>Its labels.</summary>
    public IReadOnlyDictionary<string, string> Labels { get; init; } = new Dictionary<string, string>();

    /// <summary>Whether it lies in a store that cannot be written to, so that it is never removed.</summary>
    public bool ReadOnly { get; init; }
}
