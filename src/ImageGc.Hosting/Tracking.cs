using Docker.DotNet.Models;
using ImageGc.Sqlite;
using Microsoft.Extensions.Options;

namespace ImageGc.Hosting;

/// <summary>Records the images of containers for a host that does not do so itself. Used by one thread.</summary>
internal sealed class Tracking(
    Func<ImageUseStore> store, IContainerEngine engine, IOptions<ImageGarbageCollectionOptions> options)
{
    private readonly string[] _label = options.Value.OwnerLabel?.Split('=', 2) ?? [];

    /// <summary>The image of each of our containers, since an event about its end names the tag only.</summary>
    private Dictionary<string, string> _imageOf = new(StringComparer.Ordinal);

    /// <remarks>Events tell container IDs, names and digests of Docker's, so this is for no other engine.</remarks>
    public DockerEngine Engine { get; } = engine as DockerEngine ?? throw new NotSupportedException(
        $"{nameof(ImageGarbageCollectionOptions.WatchContainers)} is for Docker: "
        + $"with another engine call {nameof(ImageUseStore)}.{nameof(ImageUseStore.RecordUse)}.");

    /// <summary>Records the images of the containers that are there now, or were when it last looked.</summary>
    /// <returns>How many containers there are.</returns>
    public async Task<int> ReconcileAsync(CancellationToken cancellationToken)
    {
        var containers = await Engine.ListContainersAsync(cancellationToken).ConfigureAwait(false);
        var existing = containers.Where(container => IsOurs(container.Labels))
            .ToDictionary(container => container.ID, container => container.ImageID, StringComparer.Ordinal);

        // A container that ended unwatched used its image until then, as far as anyone knows.
        store().RecordUse(existing.Values.Concat(_imageOf.Values).Distinct());
        _imageOf = existing;
        return existing.Count;
    }

    public async Task HandleAsync(Message message, Action imageVanished, CancellationToken cancellationToken)
    {
        switch (message)
        {
            case { Type: "container", Action: "create" } when IsOurs(message.Actor.Attributes):
                var reference = message.Actor.Attributes.TryGetValue("image", out var named) ? named : "";
                var created = await Engine.FindImageOfContainerAsync(message.Actor.ID, reference, cancellationToken)
                    .ConfigureAwait(false);
                if (created is not null)
                    store().RecordUse(_imageOf[message.Actor.ID] = created);
                break;
            case { Type: "container", Action: "destroy" } when _imageOf.TryGetValue(message.Actor.ID, out var ended):
                store().RecordUse(ended);
                _imageOf.Remove(message.Actor.ID);
                break;
            case { Type: "image", Action: "delete" }:
                imageVanished();
                break;
        }
    }

    private bool IsOurs(IDictionary<string, string>? labels) => _label switch
    {
        [] => true,
        [var name] => labels?.ContainsKey(name) == true,
        [var name, var value, ..] => labels is not null && labels.TryGetValue(name, out var actual) && actual == value,
    };
}
