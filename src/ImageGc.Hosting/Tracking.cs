using ImageGc.Sqlite;
using Microsoft.Extensions.Options;

namespace ImageGc.Hosting;

/// <summary>Records the images of containers for a host that does not do so itself.</summary>
internal sealed class Tracking(
    Func<ImageUseStore> store, IContainerEngine engine, IOptions<ImageGarbageCollectionOptions> options) : IDisposable
{
    private readonly LabelFilter? _owner =
        options.Value.OwnerLabel is { } label ? new LabelFilter(label) : null;

    private readonly SemaphoreSlim _oneAtATime = new(1, 1);

    /// <summary>The images of each of our containers, because an event about its end does not name them all.</summary>
    private Dictionary<string, IReadOnlyList<string>> _imagesOf = new(StringComparer.Ordinal);

    /// <summary>Records the images of the containers that exist now, or existed at the last look.</summary>
    /// <param name="changesOnly">Only of containers that came or went since.</param>
    /// <param name="cancellationToken">Ends the wait for the engine.</param>
    /// <returns>How many containers there are.</returns>
    public async Task<int> ReconcileAsync(bool changesOnly, CancellationToken cancellationToken)
    {
        await _oneAtATime.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            var containers = await engine.ListContainersAsync(cancellationToken).ConfigureAwait(false);
            var existing = containers.Where(container => IsOurs(container.Labels))
                .ToDictionary(container => container.Id, container => container.ImageIds, StringComparer.Ordinal);

            // A container that ended unwatched used its images until then, as far as anyone knows.
            var used = existing.Concat(_imagesOf);
            if (changesOnly)
                used = used.Where(one => existing.ContainsKey(one.Key) != _imagesOf.ContainsKey(one.Key));
            Record(used.SelectMany(one => one.Value));
            _imagesOf = existing;
            return existing.Count;
        }
        finally
        {
            _oneAtATime.Release();
        }
    }

    public async Task HandleAsync(
        EngineEvent happened, Action<string> imageRemoved, CancellationToken cancellationToken)
    {
        await _oneAtATime.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (happened.Kind == EngineEventKind.ContainerCreated)
                await RecordCreatedAsync(happened, cancellationToken).ConfigureAwait(false);
            else if (happened is { Kind: EngineEventKind.ContainerRemoved, ContainerId: { } removed }
                && _imagesOf.TryGetValue(removed, out var used))
            {
                Record(used);
                _imagesOf.Remove(removed);
            }
            else if (happened is { Kind: EngineEventKind.ImageRemoved, ImageReference: { } image })
                imageRemoved(image);
        }
        finally
        {
            _oneAtATime.Release();
        }
    }

    public void Dispose() => _oneAtATime.Dispose();

    /// <remarks>A container that is gone already has used the image that its reference names.</remarks>
    private async Task RecordCreatedAsync(EngineEvent created, CancellationToken cancellationToken)
    {
        if (created.ContainerId is not { } id || (created.Labels is { } labels && !IsOurs(labels)))
            return;
        var container = await engine.FindContainerAsync(id, cancellationToken).ConfigureAwait(false);
        if (container is not null && !IsOurs(container.Labels))
            return;
        var images = container?.ImageIds;
        if (images is null && created.ImageReference is { Length: > 0 } reference)
        {
            var named = await engine.FindImageAsync(reference, cancellationToken).ConfigureAwait(false);
            images = named is null ? [] : [named.ImageId];
        }

        Record(_imagesOf[id] = images ?? []);
    }

    private void Record(IEnumerable<string> imageIds)
    {
        var distinct = imageIds.ToHashSet(StringComparer.Ordinal);
        if (distinct.Count > 0)
            store().RecordUse(distinct);
    }

    private bool IsOurs(IReadOnlyDictionary<string, string> labels) => _owner?.Matches(labels) ?? true;
}
