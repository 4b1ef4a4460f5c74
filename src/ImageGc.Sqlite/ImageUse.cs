namespace ImageGc.Sqlite;

/// <summary>A tracked image and the moment it was last used.</summary>
/// <param name="ImageId">The image ID as the container engine reports it, compared ordinally.</param>
/// <param name="LastUsedAt">When the image was last used: UTC, whole seconds.</param>
public readonly record struct ImageUse(string ImageId, DateTimeOffset LastUsedAt)
{
    /// <summary>Its names as <see cref="ImageUseStore.Describe"/> last had them; none if nobody described it.</summary>
    public IReadOnlyList<string> Names { get => field ?? []; init; }

    /// <summary>Whether it has none of these names any more, which may have gone on to another image.</summary>
    public bool HasLostNames { get; init; }

    /// <summary>Its size in bytes, if it was described; null if unknown.</summary>
    public long? SizeBytes { get; init; }

    /// <summary>The boot in which it was used.</summary>
    internal long Boot { get; init; }

    /// <summary>
    /// The device's running time at this use, in milliseconds; unique for each use of an image in a boot.
    /// </summary>
    internal long RanAt { get; init; }

    /// <summary>Whether both are the same image, last used in the same second.</summary>
    public bool Equals(ImageUse other) => ImageId == other.ImageId && LastUsedAt == other.LastUsedAt;

    /// <summary>Equal for equal images and seconds.</summary>
    public override int GetHashCode() => HashCode.Combine(ImageId, LastUsedAt);
}
