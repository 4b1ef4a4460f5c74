using System.Collections.Immutable;
using ImageGc.Sqlite;

namespace ImageGc.Faults.Tests.Workload;

/// <summary>What a store must hold: the rules of record and prune, written down without SQL.</summary>
internal sealed class State
{
    private static readonly long FirstBelievable =
        new DateTimeOffset(2015, 1, 1, 0, 0, 0, TimeSpan.Zero).ToUnixTimeSeconds();

    private readonly ImmutableSortedDictionary<string, long> _stamps;

    private State(ImmutableSortedDictionary<string, long> stamps)
    {
        _stamps = stamps;
        Text = string.Join('\n', stamps.Select(use => $"{use.Key} {use.Value}"));
    }

    public static State Empty { get; } = new(ImmutableSortedDictionary.Create<string, long>(StringComparer.Ordinal));

    /// <summary>Equal exactly for equal states.</summary>
    public string Text { get; }

    public static State Of(IEnumerable<ImageUse> images) => new(Empty._stamps.AddRange(
        images.Select(image => KeyValuePair.Create(image.ImageId, image.LastUsedAt.ToUnixTimeSeconds()))));

    /// <summary>A list of images in its order, for comparison.</summary>
    public static string TextOf(IEnumerable<ImageUse> images) =>
        string.Join('\n', images.Select(image => $"{image.ImageId} {image.LastUsedAt.ToUnixTimeSeconds()}"));

    public State Recorded(long now, params IEnumerable<string> imageIds) =>
        new(_stamps.SetItems(imageIds.Select(imageId => KeyValuePair.Create(imageId, now))));

    public State Forgotten(string imageId) => new(_stamps.Remove(imageId));

    /// <summary>What counts as used now: images in use, and stamps that only a wrong clock can have written.</summary>
    public State Restamped(long now, IReadOnlyCollection<string> inUse)
    {
        var stamps = _stamps;
        foreach (var (imageId, lastUsedAt) in _stamps)
        {
            if (inUse.Contains(imageId) || lastUsedAt > now || lastUsedAt < FirstBelievable)
                stamps = stamps.SetItem(imageId, now);
        }

        return new State(stamps);
    }

    /// <summary>The state after a prune, and the images that it returns, oldest use first.</summary>
    public (State After, string Returned) Pruned(long now, long thresholdSeconds, IReadOnlyCollection<string> inUse)
    {
        var stamps = Restamped(now, inUse)._stamps;
        var expired = stamps.Where(use => !inUse.Contains(use.Key) && now - use.Value >= thresholdSeconds)
            .OrderBy(use => use.Value).ThenBy(use => use.Key, StringComparer.Ordinal).ToList();
        var returned = string.Join('\n', expired.Select(use => $"{use.Key} {use.Value}"));
        return (new State(stamps.RemoveRange(expired.Select(use => use.Key))), returned);
    }
}
