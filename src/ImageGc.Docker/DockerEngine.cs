using Docker.DotNet;
using Docker.DotNet.Models;
using Microsoft.Extensions.Options;

namespace ImageGc.Docker;

/// <summary>Docker or Moby, over a unix socket or TCP.</summary>
internal sealed partial class DockerEngine : IContainerEngine, IDisposable
{
    private readonly DockerClient _docker;
    private readonly Uri _address;
    private readonly TimeSpan _timeout;

    public DockerEngine(IOptions<ImageGarbageCollectionOptions> options)
    {
        _address = options.Value.EngineAddress;
        _timeout = options.Value.EngineTimeout;
        _docker = new DockerClientBuilder().WithEndpoint(_address).WithTimeout(Timeout.InfiniteTimeSpan).Build();
    }

    public async Task<IReadOnlyCollection<string>> ListImagesInUseAsync(CancellationToken cancellationToken) =>
        [.. (await ListContainersAsync(cancellationToken).ConfigureAwait(false)).Select(container => container.ImageID).Distinct()];

    public async Task<IReadOnlyCollection<EngineImage>> ListImagesAsync(CancellationToken cancellationToken)
    {
        var images = await AskAsync("list the images", cancel => _docker.Images.ListImagesAsync(
            new ImagesListParameters { All = true }, cancel), cancellationToken).ConfigureAwait(false);
        return [.. images.Select(image => new EngineImage(image.ID, NamesOf(image.RepoTags, image.RepoDigests)))];
    }

    public async Task<DiskSpace> MeasureDiskAsync(CancellationToken cancellationToken)
    {
        if (!_address.IsFile && _address.Scheme != "unix" && !_address.IsLoopback)
            throw new NotSupportedException($"The engine at {_address} is on another device, whose disk cannot be measured: unset {nameof(ImageGarbageCollectionOptions.HighThresholdPercent)}.");
        var info = await AskAsync("tell its directory", _docker.System.GetSystemInfoAsync, cancellationToken).ConfigureAwait(false);
        var disk = new DriveInfo(info.DockerRootDir);
        return new DiskSpace(disk.TotalSize, disk.AvailableFreeSpace);
    }

    /// <summary>Every container, in whatever state. One without an image makes the list incomplete, which nobody may act on.</summary>
    public async Task<IList<ContainerListResponse>> ListContainersAsync(CancellationToken cancellationToken)
    {
        var containers = await AskAsync("list the containers", cancel => _docker.Containers.ListContainersAsync(
            new ContainersListParameters { All = true }, cancel), cancellationToken).ConfigureAwait(false);
        return containers.FirstOrDefault(container => string.IsNullOrEmpty(container.ImageID)) is { } incomplete
            ? throw new InvalidOperationException($"The engine does not tell the image of container {incomplete.ID}.")
            : containers;
    }

    public void Dispose() => _docker.Dispose();

    private static List<string> NamesOf(IList<string>? tags, IList<string>? digests) =>
        [.. (tags ?? []).Concat(digests ?? []).Where(name => !name.StartsWith("<none>", StringComparison.Ordinal))];

    private Task<bool> AskAsync(string what, Func<CancellationToken, Task> ask, CancellationToken cancellationToken) =>
        AskAsync(what, async cancel =>
        {
            await ask(cancel).ConfigureAwait(false);
            return true;
        }, cancellationToken);

    private async Task<T> AskAsync<T>(string what, Func<CancellationToken, Task<T>> ask, CancellationToken cancellationToken)
    {
        using var bounded = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        bounded.CancelAfter(_timeout);
        try
        {
            // A connection that the engine accepted and never serves must not hold us up either.
            return await ask(bounded.Token).WaitAsync(bounded.Token).ConfigureAwait(false);
        }
        catch (Exception exception) when (bounded.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw new TimeoutException($"The engine at {_address} did not {what} within {_timeout}.", exception);
        }
        catch (Exception) when (cancellationToken.IsCancellationRequested)
        {
            throw new OperationCanceledException(cancellationToken);
        }
    }
}
