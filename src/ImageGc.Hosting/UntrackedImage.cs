namespace ImageGc.Hosting;

/// <summary>An image of the engine that is not tracked, and therefore never removed.</summary>
/// <param name="Image">The image.</param>
/// <param name="Why">The most likely reason why it is not tracked, as a clause.</param>
public sealed record UntrackedImage(EngineImage Image, string Why)
{
    internal static UntrackedImage Of(
        EngineImage image, IReadOnlyCollection<EngineContainer> containers, ImageGarbageCollectionOptions options)
    {
        var users = containers.Where(container => container.ImageIds.Contains(image.ImageId)).ToList();
        var owner = options.OwnerLabel is { } label ? new LabelFilter(label) : null;
        var ours = users.Where(container => owner?.Matches(container.Labels) ?? true).ToList();
        return new UntrackedImage(
            image,
            ours.Count > 0
                ? $"{NamesOf(ours)} uses it; that use is not recorded yet"
                : users.Count > 0
                    ? $"only containers without the label {owner} use it: {NamesOf(users)}"
                    : image.ReadOnly
                        ? "the engine's store is read-only"
                        : options.TrackImages == TrackImages.All
                            ? "it has not been seen yet"
                            : "no container has used it so far");
    }

    private static string NamesOf(IEnumerable<EngineContainer> containers) =>
        string.Join(", ", containers.Select(container => container.Name ?? container.Id).Order(StringComparer.Ordinal));
}
