namespace ImageGc.Sqlite;

/// <summary>A tracked image and the moment it was last used.</summary>
/// <param name="ImageId">The image ID as the container engine reports it, compared ordinally.</param>
/// <param name="LastUsedAt">When the image was last used: UTC, whole seconds.</param>
public readonly record struct ImageUse(string ImageId, DateTimeOffset LastUsedAt);
