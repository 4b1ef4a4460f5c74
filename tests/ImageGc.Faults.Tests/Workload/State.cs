using ImageGc.Sqlite;

namespace ImageGc.Faults.Tests.Workload;

/// <summary>What is compared of a state: its images, each with the second of its last use, as text.</summary>
internal static class State
{
    public static string TextOf(Rules tracked) => TextOf(tracked.Images(Moment.OfWall(0)));

    public static string TextOf(IEnumerable<ImageUse> images) =>
        TextOf(images.Select(image => (image.ImageId, image.LastUsedAt.ToUnixTimeSeconds())));

    public static string TextOf(IEnumerable<(string ImageId, long LastUsedAt)> images) => string.Join('\n',
        images.Select(image => $"{image.ImageId} {image.LastUsedAt}").Order(StringComparer.Ordinal));
}
