namespace ImageGc.Sqlite;

/// <summary>A tracked image and the moment it was last used.</summary>
/// <param name="ImageId">The image ID as the container engine reports it, compared ordinally.</param>
/// <param name="LastUsedAt">When the image was last used: UTC, whole seconds.</param>
public readonly record struct ImageUse(string ImageId, DateTimeOffset LastUsedAt)
{
    /// <summary>
    /// Its names, as <see cref="ImageUseStore.Describe"/> last stored them; otherwise empty. An image that has lost its
    /// names still has the last ones here (<see cref="HasLostNames"/>).
    /// </summary>
    public IReadOnlyList<string> Names { get => field ?? []; init; }

    /// <summary>Whether the image has lost all these names, for example to a newer image.</summary>
    public bool HasLostNames { get; init; }

    /// <summary>Its size in bytes, as <see cref="ImageUseStore.Describe"/> stored it; null if unknown.</summary>
    public long? SizeBytes { get; init; }

    /// <summary>The boot in which it was used.</summary>
    internal long Boot { get; init; }

    /// <summary>
    /// The running time of the device at this use, in milliseconds; unique for each use of an image in a boot.
    /// </summary>
    internal long RanAt { get; init; }

    /// <summary>Returns whether both are the same image, last used in the same second.</summary>
    public bool Equals(ImageUse other) => ImageId == other.ImageId && LastUsedAt == other.LastUsedAt;

    /// <summary>Returns a hash code of the image ID and the time of the last use.</summary>
    public override int GetHashCode() => HashCode.Combine(ImageId, LastUsedAt);
}
