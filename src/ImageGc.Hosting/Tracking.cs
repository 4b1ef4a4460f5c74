using ImageGc.Sqlite;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace ImageGc.Hosting;

/// <summary>Records uses of images for a host that does not do so itself.</summary>
internal sealed class Tracking(
    Func<ImageUseStore> store, IContainerEngine engine, IOptions<ImageGarbageCollectionOptions> options,
    Health health, ILogger<Tracking> log) : IDisposable
{
    private const string CursorNote = "cursor";

    private readonly LabelFilter? _owner =
        options.Value.OwnerLabel is { } label ? new LabelFilter(label) : null;

    private readonly SemaphoreSlim _oneAtATime = new(1, 1);

    /// <summary>
    /// The images of each of our containers, because an event about its end does not name them all; null before the
    /// first look.
    /// </summary>
    private Dictionary<string, IReadOnlyList<string>>? _imagesOf;

    /// <summary>Whether there was no room to record the last uses.</summary>
    private bool _hasNoRoom;

    /// <summary>After which event to go on: the last one that was handled, in whatever process.</summary>
    public string? Cursor { get => field ??= store().FindNote(CursorNote); private set; }

    /// <summary>
    /// Records the images of the containers that came or went since the last look, and at the first one of all.
    /// </summary>
    /// <returns>How many containers there are.</returns>
    public Task<int> ReconcileAsync(CancellationToken cancellationToken) => AloneAsync(async () =>
    {
        var containers = await engine.ListContainersAsync(cancellationToken).ConfigureAwait(false);
        var existing = containers.Where(container => IsOurs(container.Labels))
            .ToDictionary(container => container.Id, container => container.ImageIds, StringComparer.Ordinal);

        // A container that ended unwatched used its images until then, as far as anyone knows.
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

        ReportRoom();
        _imagesOf = existing;
        return existing.Count;
    }, cancellationToken);

    /// <summary>Records what was used while nobody watched, as far as the engine knows, and what is in use.</summary>
    /// <returns>The images that were removed meanwhile.</returns>
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
        Record([], Cursor); // This process may end now.
        return removed;
    }

    /// <summary>Records what was used, or skips an event that cannot be followed: others wait behind it.</summary>
    public Task HandleAsync(EngineEvent happened, CancellationToken cancellationToken) => AloneAsync(async () =>
    {
        var used = await FollowAsync(happened, cancellationToken).ConfigureAwait(false);
        var cursor = happened.Cursor ?? Cursor;
        if (used.Count > 0) // Else the cursor is written down with the next use: it costs no write of its own.
        {
            Record(used, cursor);
            await DescribeNewAsync(used, cancellationToken).ConfigureAwait(false);
        }

        Cursor = cursor; // Not before, nor what follows: where the database fails, the event comes again.
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
                // Once more.
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

    /// <remarks>A container that is gone already has used the image that its reference names.</remarks>
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
    /// The images that a container may have used which is gone: the name by which it was created may mean another image
    /// by now, and meant one that is tracked.
    /// </summary>
    private async Task<IReadOnlyList<string>> FindUsedAsync(string? reference, CancellationToken cancellationToken)
    {
        var found = await FindAsync(reference, cancellationToken).ConfigureAwait(false);
        if (string.IsNullOrEmpty(reference))
            return found;
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

    /// <summary>Records uses, and with them after which event to go on.</summary>
    /// <remarks>
    /// Where there is no room the store counts them as in use until there is, and a later event may not be missed.
    /// </remarks>
    private void Record(IEnumerable<string> used, string? cursor)
    {
        List<string> images = [.. used.Distinct(StringComparer.Ordinal)];
        try
        {
            store().RecordUse(
                images, cursor is null ? null : new Dictionary<string, string> { [CursorNote] = cursor });
            ReportRoom();
        }
        catch (ImageUseStoreException full) when (full.Reason == StoreErrorReason.Full)
        {
            health.Report(HostPart.Recording, full);
            if (!_hasNoRoom)
                log.NoRoomToRecord(full);
            _hasNoRoom = true;
        }
    }

    /// <summary>What there was no room for may have been recorded by any other change.</summary>
    private void ReportRoom()
    {
        if (!_hasNoRoom || store().HasUnrecordedUses)
            return;
        _hasNoRoom = false;
        health.Report(HostPart.Recording, failure: null);
    }

    /// <summary>
    /// Keeps the names and sizes of images that have none yet: people ask for an image by its name, also before the
    /// first cleanup, and only for them, so that what fails does not matter.
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
