using System.Runtime.CompilerServices;
using System.Threading.Channels;

namespace ImageGc.Hosting.Tests;

/// <summary>An engine that a runtime without Docker would bring. It removes every image except `stuck`.</summary>
internal sealed class OwnEngine : IContainerEngine
{
    public List<string> Removed { get; } = [];

    public List<EngineImage> Images { get; } = [];

    public List<EngineContainer> Containers { get; } = [];

    /// <summary>The events that a host watches; null if this engine has none.</summary>
    public Channel<EngineEvent>? Events { get; set; }

    /// <summary>Whether a stream of its events never begins.</summary>
    public bool IsSilent { get; set; }

    /// <summary>Events from before a host watches, with numbers as cursors.</summary>
    public List<EngineEvent> Remembered { get; } = [];

    /// <summary>The cursor with which the host began to watch, each time.</summary>
    public List<string?> Cursors { get; } = [];

    public Exception? Failure { get; set; }

    public Exception? ImagesFailure { get; set; }

    /// <summary>The exception that every removal throws; null if none.</summary>
    public Exception? RemovalFailure { get; set; }

    /// <summary>Runs before each removal, with the ID of the image. If it throws, the removal throws.</summary>
    public Action<string>? Removing { get; set; }

    /// <summary>Whether its list of images is empty although it has some.</summary>
    public bool ListsNothing { get; set; }

    /// <summary>How often a request hung.</summary>
    public int Hung { get; private set; }

    public string Identity { get; set; } = "own";

    /// <summary>How full its disk of 100 MB is; null if it cannot say.</summary>
    public Func<int?> UsedPercent { get; set; } = () => 0;

    /// <summary>How many more bytes are free than <see cref="UsedPercent"/> says.</summary>
    public Func<long> StrayBytes { get; set; } = () => 0;

    public override string ToString() => "the runtime's own engine";

    public Task<string> IdentifyAsync(CancellationToken cancellationToken) => Answer(Failure, Identity);

    public bool IsImageId(string text) => !text.StartsWith("name", StringComparison.Ordinal);

    public Task<IReadOnlyCollection<EngineContainer>> ListContainersAsync(CancellationToken cancellationToken) =>
        Answer<IReadOnlyCollection<EngineContainer>>(Failure, [.. Containers]);

    public Task<IReadOnlyCollection<EngineImage>> ListImagesAsync(CancellationToken cancellationToken) =>
        Answer<IReadOnlyCollection<EngineImage>>(ImagesFailure, ListsNothing ? [] : [.. Images]);

    /// <remarks>It hangs if asked for the image `hangs`.</remarks>
    public Task<EngineImage?> FindImageAsync(string reference, CancellationToken cancellationToken) =>
        Answer(
            reference == "hangs" ? Hang() : ImagesFailure,
            Images.Find(image => image.ImageId == reference || image.Names.Contains(reference)));

    /// <remarks>Like Docker, it refuses to remove the parent of an image. It does not check containers.</remarks>
    public Task RemoveImageAsync(string imageId, CancellationToken cancellationToken)
    {
        if (imageId == "stuck")
            return Task.FromException(new InvalidOperationException("It is stuck."));
        if (RemovalFailure is not null)
            return Task.FromException(RemovalFailure);
        Removing?.Invoke(imageId);
        if (Images.Exists(image => image.ParentId == imageId))
            return Task.FromException(new EngineRequestFailedException("It has children."));
        Removed.Add(imageId);
        Images.RemoveAll(image => image.ImageId == imageId);
        return Task.CompletedTask;
    }

    public Task<DiskUsage?> MeasureDiskAsync(CancellationToken cancellationToken) => Task.FromResult(
        UsedPercent() is { } used
            ? new DiskUsage
            {
                UsedBytes = used * 1_000_000L,
                AvailableBytes = (Math.Max(0, 100 - used) * 1_000_000L) + StrayBytes(),
            }
            : null);

    public IAsyncEnumerable<EngineEvent>? WatchAsync(string? cursor, CancellationToken cancellationToken)
    {
        Cursors.Add(cursor);
        return Events is null ? null : FollowAsync(cursor, cancellationToken);
    }

    public static EngineImage Image(string imageId, params string[] names) =>
        new() { ImageId = imageId, Names = names };

    /// <summary>A container that uses these images.</summary>
    public static EngineContainer Container(string id, params string[] imageIds) => new()
    {
        Id = id,
        ImageIds = imageIds,
    };

    private async IAsyncEnumerable<EngineEvent> FollowAsync(
        string? cursor, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        if (IsSilent)
            await Task.Delay(Timeout.Infinite, cancellationToken);
        if (int.TryParse(cursor, out var last))
        {
            foreach (var happened in Remembered.Where(one => int.Parse(one.Cursor!) > last))
                yield return happened;
        }

        yield return new EngineEvent { Kind = EngineEventKind.Started };
        await foreach (var happened in Events!.Reader.ReadAllAsync(cancellationToken))
            yield return happened;
    }

    private TimeoutException Hang()
    {
        Hung++;
        return new TimeoutException("It hangs.");
    }

    private static Task<T> Answer<T>(Exception? failure, T answer) =>
        failure is null ? Task.FromResult(answer) : Task.FromException<T>(failure);
}
