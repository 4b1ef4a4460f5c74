using System.Net;
using System.Text.Json;
using Docker.DotNet;
using Docker.DotNet.Models;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace ImageGc.Docker;

/// <summary>Docker or Moby, over a unix socket or TCP.</summary>
internal sealed partial class DockerEngine : IContainerEngine, IDisposable
{
    private readonly DockerClient _docker;
    private readonly Uri _address;
    private readonly TimeSpan _timeout;
    private readonly ILogger<DockerEngine> _log;

    public DockerEngine(IOptions<ImageGarbageCollectionOptions> options, ILogger<DockerEngine> log)
    {
        _log = log;
        _address = options.Value.EngineAddress;
        _timeout = options.Value.EngineTimeout;
        _docker = new DockerClientBuilder().WithEndpoint(_address).WithTimeout(Timeout.InfiniteTimeSpan).Build();
    }

    public async Task<IReadOnlyCollection<string>> ListImagesInUseAsync(CancellationToken cancellationToken)
    {
        var containers = await ListContainersAsync(cancellationToken).ConfigureAwait(false);
        return [.. containers.Select(container => container.ImageID).Distinct()];
    }

    public async Task<IReadOnlyCollection<EngineImage>> ListImagesAsync(CancellationToken cancellationToken)
    {
        var images = await ListAllImagesAsync(cancellationToken).ConfigureAwait(false);
        return [.. images.Select(image => new EngineImage(image.ID, NamesOf(image.RepoTags, image.RepoDigests)))];
    }

    public async Task<DiskSpace> MeasureDiskAsync(CancellationToken cancellationToken)
    {
        if (!_address.IsFile && _address.Scheme != "unix" && !_address.IsLoopback)
            throw new NotSupportedException(
                $"The engine at {_address} is on another device, whose disk cannot be measured: "
                + $"unset {nameof(ImageGarbageCollectionOptions.HighThresholdPercent)}.");
        var info = await AskAsync("tell its directory", _docker.System.GetSystemInfoAsync, cancellationToken)
            .ConfigureAwait(false);
        var disk = new DriveInfo(info.DockerRootDir);
        return new DiskSpace(disk.TotalSize, disk.AvailableFreeSpace);
    }

    /// <summary>
    /// Every container that has an image, in whatever state; those that Docker builds from have none.
    /// </summary>
    /// <exception cref="InvalidDataException">One is told without its image: nobody may act on such a list.</exception>
    public async Task<IReadOnlyList<ContainerListResponse>> ListContainersAsync(CancellationToken cancellationToken)
    {
        var containers = await AskAsync("list the containers", cancel => _docker.Containers.ListContainersAsync(
            new ContainersListParameters { All = true }, cancel), cancellationToken).ConfigureAwait(false);
        var incomplete = containers.FirstOrDefault(
            container => container is { ImageID: null or "", Image.Length: > 0 });
        return incomplete is not null
            ? throw new InvalidDataException($"The engine does not tell the image of container {incomplete.ID}, "
                + "so nothing can be said of what is in use. Look at the engine's log, or remove that container.")
            : [.. containers.Where(container => !string.IsNullOrEmpty(container.ImageID))];
    }

    public void Dispose() => _docker.Dispose();

    private Task<IList<ImagesListResponse>> ListAllImagesAsync(CancellationToken cancellationToken) =>
        AskAsync("list the images", cancel => _docker.Images.ListImagesAsync(
            new ImagesListParameters { All = true }, cancel), cancellationToken);

    /// <summary>An image by its ID or one of its names; null if there is none.</summary>
    private Task<ImageInspectResponse?> FindImageAsync(string reference, CancellationToken cancellationToken) =>
        AskForAsync($"inspect {reference}", cancel => _docker.Images.InspectImageAsync(reference, cancel),
            cancellationToken);

    /// <summary>Asks for what may be gone by now; then the answer is null.</summary>
    private async Task<T?> AskForAsync<T>(
        string doing, Func<CancellationToken, Task<T>> ask, CancellationToken cancellationToken)
        where T : class
    {
        try
        {
            return await AskAsync(doing, ask, cancellationToken).ConfigureAwait(false);
        }
        catch (EngineRequestFailedException gone) when (gone.Status == HttpStatusCode.NotFound)
        {
            return null;
        }
    }

    private static List<string> NamesOf(IList<string>? tags, IList<string>? digests) =>
        [.. (tags ?? []).Concat(digests ?? []).Where(name => !name.StartsWith("<none>", StringComparison.Ordinal))];

    /// <exception cref="EngineRequestFailedException">The engine answered, and refused.</exception>
    /// <exception cref="EngineUnavailableException">No engine answered.</exception>
    /// <exception cref="TimeoutException">It took too long.</exception>
    private async Task<T> AskAsync<T>(
        string doing, Func<CancellationToken, Task<T>> ask, CancellationToken cancellationToken)
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
            throw new TimeoutException($"The engine at {_address} did not {doing} within {_timeout}. "
                + $"Look at its log, or raise {nameof(ImageGarbageCollectionOptions.EngineTimeout)}.", exception);
        }
        catch (Exception) when (cancellationToken.IsCancellationRequested)
        {
            throw new OperationCanceledException(cancellationToken);
        }
#pragma warning disable CA1031 // The client throws many types when it cannot connect, or cannot read the answer.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            throw Explain(doing, exception);
        }
    }

    private Exception Explain(string doing, Exception exception) =>
        exception is DockerApiException answer && MessageOf(answer) is { } why
            ? new EngineRequestFailedException(doing, answer.StatusCode, why, answer)
            : new EngineUnavailableException(doing, _address, exception);

    /// <summary>What Docker says about an error; null if it was not Docker.</summary>
    private static string? MessageOf(DockerApiException answer)
    {
        try
        {
            using var body = JsonDocument.Parse(answer.ResponseBody ?? "");
            return body.RootElement.GetProperty("message").GetString();
        }
        catch (Exception other) when (other is JsonException or InvalidOperationException or KeyNotFoundException)
        {
            return null;
        }
    }
}
