using ImageGc.Sqlite;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace ImageGc.Hosting;

/// <summary>Records image uses by the containers and events of the engine.</summary>
internal sealed class Tracking(
    Func<ImageUseStore> store, IContainerEngine engine, IOptions<ImageGarbageCollectionOptions> options,
    Health health, ILogger<Tracking> log) : IDisposable
{
    private const string CursorNote = "cursor";

    private readonly LabelFilter? _owner =
        options.Value.OwnerLabel is { } label ? new LabelFilter(label) : null;

    private readonly SemaphoreSlim _oneAtATime = new(1, 1);

    /// <summary>
    /// The images of each container, kept because the event of its removal does not name those that were mounted; null
    /// before the containers are first listed.
    /// </summary>
    private Dictionary<string, IReadOnlyList<string>>? _imagesOf;

    /// <summary>The cursor of the last event that was handled, by this or an earlier process.</summary>
    public string? Cursor { get => field ??= store().FindNote(CursorNote); private set; }

    /// <summary>
    /// Records the images of the containers that appeared or disappeared since the last call, at first those of all.
    /// </summary>
    /// <returns>How many containers with the owner's label there are.</returns>
    public Task<int> ReconcileAsync(CancellationToken cancellationToken) => AloneAsync(async () =>
    {
        var containers = await engine.ListContainersAsync(cancellationToken).ConfigureAwait(false);
        var existing = containers.Where(container => IsOurs(container.Labels))
            .ToDictionary(container => container.Id, container => container.ImageIds, StringComparer.Ordinal);

        // A container that disappeared unwatched may have used its images until now.
        var known = _imagesOf ?? [];
        var used = existing.Concat(known)
            .Where(one => existing.ContainsKey(one.Key) != known.ContainsKey(one.Key))
            .SelectMany(one => one.Value).ToList();
        if (options.Value.TrackImages == TrackImages.All)
        {
            var images = await engine.ListImagesAsync(cancellationToken).ConfigureAwait(false);
            used.AddRange(images.Select(image => image.ImageId).Where(id => store().Find(id) is null));
        }

        if (used.Count > 0)
        {
            Record(used, Cursor);
            await DescribeNewAsync(used, cancellationToken).ConfigureAwait(false);
        }

        health.ReportRoom();
        _imagesOf = existing;
        return existing.Count;
    }, cancellationToken);

    /// <summary>Records what was used since the last event that was handled, and what is in use.</summary>
    /// <returns>The images that were removed since then.</returns>
    public async Task<IReadOnlyCollection<string>> CatchUpAsync(CancellationToken cancellationToken)
    {
        HashSet<string> removed = [];
        if (engine.WatchAsync(Cursor, cancellationToken) is { } events)
        {
            await foreach (var happened in events.WithCancellation(cancellationToken).ConfigureAwait(false))
            {
                if (happened.Kind == EngineEventKind.Started)
                {
                    Cursor = happened.Cursor ?? Cursor;
                    break;
                }

                await HandleAsync(happened, cancellationToken).ConfigureAwait(false);
                if (happened is { Kind: EngineEventKind.ImageRemoved, ImageReference: { } image })
                    removed.Add(image);
            }
        }

        await ReconcileAsync(cancellationToken).ConfigureAwait(false);
        Record([], Cursor); // The next process continues here, also if there was no use to store the cursor with.
        return removed;
    }

    /// <summary>Records what an event used. One that cannot be resolved is skipped: others wait behind it.</summary>
    public Task HandleAsync(EngineEvent happened, CancellationToken cancellationToken) => AloneAsync(async () =>
    {
        var used = await FollowAsync(happened, cancellationToken).ConfigureAwait(false);
        var cursor = happened.Cursor ?? Cursor;
        if (used.Count > 0) // Otherwise the cursor is stored with the next use, to save a write.
        {
            Record(used, cursor);
            await DescribeNewAsync(used, cancellationToken).ConfigureAwait(false);
        }

        // Only after the use is recorded: if the database fails, the engine reports this event again.
        Cursor = cursor;
        if (happened is { Kind: EngineEventKind.ContainerRemoved, ContainerId: { } removed })
            _imagesOf?.Remove(removed);
        else if (happened is { Kind: EngineEventKind.ContainerCreated, ContainerId: { } created } && used.Count > 0)
            (_imagesOf ??= new(StringComparer.Ordinal))[created] = used;
        return used.Count;
    }, cancellationToken);

    public void Dispose() => _oneAtATime.Dispose();

    private async Task<IReadOnlyList<string>> FollowAsync(EngineEvent happened, CancellationToken cancellationToken)
    {
        for (var tries = 1; ; tries++)
        {
            try
            {
                return await UsedByAsync(happened, cancellationToken).ConfigureAwait(false);
            }
            catch (TimeoutException) when (tries == 1)
            {
                // The engine may have been busy. A second try is the last, because other events wait.
            }
            catch (Exception exception) when (exception is TimeoutException || Attempt.ConcernsOneCall(exception))
            {
                log.SkippedEvent(exception, happened.Kind, happened.ContainerId ?? happened.ImageReference);
                return [];
            }
        }
    }

    private async Task<IReadOnlyList<string>> UsedByAsync(EngineEvent happened, CancellationToken cancellationToken)
    {
        switch (happened)
        {
            case { Kind: EngineEventKind.ContainerCreated, ContainerId: { } created }:
                return await ImagesOfCreatedAsync(created, happened, cancellationToken).ConfigureAwait(false);
            case { Kind: EngineEventKind.ContainerRemoved, ContainerId: { } removed }:
                if (_imagesOf?.TryGetValue(removed, out var known) == true)
                    return known;
                return happened.Labels is { } labels && !IsOurs(labels)
                    ? []
                    : await FindUsedAsync(happened.ImageReference, cancellationToken).ConfigureAwait(false);
            case { Kind: EngineEventKind.ImagePulled or EngineEventKind.ImageLoaded or EngineEventKind.ImageTagged }:
                var found = await FindAsync(happened.ImageReference, cancellationToken).ConfigureAwait(false);
                return [.. found.Where(image => IsAdoptedBy(happened.Kind) || store().Find(image) is not null)];
            default:
                return [];
        }
    }

    private bool IsAdoptedBy(EngineEventKind kind) => options.Value.TrackImages switch
    {
        TrackImages.All => true,
        TrackImages.Pulled => kind != EngineEventKind.ImageTagged,
        _ => false,
    };

    /// <remarks>A container that is already gone has used the image that its event names.</remarks>
    private async Task<IReadOnlyList<string>> ImagesOfCreatedAsync(
        string id, EngineEvent created, CancellationToken cancellationToken)
    {
        if (created.Labels is { } labels && !IsOurs(labels))
            return [];
        var container = await engine.FindContainerAsync(id, cancellationToken).ConfigureAwait(false);
        if (container is null)
            return await FindUsedAsync(created.ImageReference, cancellationToken).ConfigureAwait(false);
        return IsOurs(container.Labels) ? container.ImageIds : [];
    }

    /// <summary>
    /// Finds the images that a container which is gone may have used: the image that has the name of its event now, and
    /// every tracked image that had it, because a pull may have moved the name.
    /// </summary>
    private async Task<IReadOnlyList<string>> FindUsedAsync(string? reference, CancellationToken cancellationToken)
    {
        var found = await FindAsync(reference, cancellationToken).ConfigureAwait(false);
        if (string.IsNullOrEmpty(reference))
            return found;
        // An engine takes a name without a tag for `latest`, a pattern for every tag.
        var isWhole = ImageId.IsDigestPrefix(reference) || ImagePattern.RepositoryOf(reference) != reference;
        var name = new ImagePattern(isWhole ? reference : $"{reference}:latest");
        return [.. store().List().Where(image => name.Matches(image.ImageId, image.Names))
            .Select(image => image.ImageId).Union(found)];
    }

    private async Task<IReadOnlyList<string>> FindAsync(string? reference, CancellationToken cancellationToken) =>
        !string.IsNullOrEmpty(reference)
        && await engine.FindImageAsync(reference, cancellationToken).ConfigureAwait(false) is { } image
            ? [image.ImageId]
            : [];

    /// <summary>Records uses and the cursor in one transaction.</summary>
    /// <remarks>
    /// Nothing is thrown if the disk is full, so that later events are not missed. Until there is room, the store
    /// counts the images as in use.
    /// </remarks>
    private void Record(IEnumerable<string> used, string? cursor)
    {
        List<string> images = [.. used.Distinct(StringComparer.Ordinal)];
        try
        {
            store().RecordUse(
                images, cursor is null ? null : new Dictionary<string, string> { [CursorNote] = cursor });
            health.ReportRoom();
        }
        catch (ImageUseStoreException full) when (full.Reason == StoreErrorReason.Full)
        {
            if (health.ReportNoRoom(full))
                log.NoRoomToRecord(full);
        }
    }

    /// <summary>
    /// Stores the names and sizes of images that have none yet, so that people can name an image before the first
    /// cleanup. A failure is not reported: the next cleanup stores them.
    /// </summary>
    private async Task DescribeNewAsync(IEnumerable<string> images, CancellationToken cancellationToken)
    {
        foreach (var imageId in images.Distinct(StringComparer.Ordinal))
        {
            if (!ImageId.IsValid(imageId) || store().Find(imageId) is not { SizeBytes: null })
                continue;
            var failure = await Attempt.FailureOfAsync(async cancel =>
            {
                if (await engine.FindImageAsync(imageId, cancel).ConfigureAwait(false) is { } image)
                    store().Describe([new ImageDescription(image.ImageId, [.. image.Names], image.SizeBytes)]);
            }, cancellationToken).ConfigureAwait(false);
            if (failure is not null)
                return;
        }
    }

    private bool IsOurs(IReadOnlyDictionary<string, string> labels) => _owner?.Matches(labels) ?? true;

    private async Task<T> AloneAsync<T>(Func<Task<T>> work, CancellationToken cancellationToken)
    {
        await _oneAtATime.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return await work().ConfigureAwait(false);
        }
        finally
        {
            _oneAtATime.Release();
        }
    }
}
