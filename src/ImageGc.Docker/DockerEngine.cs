using System.Collections.Concurrent;
using System.Collections.Immutable;
using Docker.DotNet.Models;
using ImageGc.Hosting;
using ImageGc.Sqlite;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace ImageGc.Docker;

/// <summary>Docker, Moby or Podman, over a unix socket or TCP.</summary>
internal sealed partial class DockerEngine(IOptions<DockerOptions> options, ILogger<DockerEngine> log)
    : IContainerEngine, IDisposable
{
    private readonly DockerConnection _docker = new(options.Value);

    /// <summary>The IDs of all images that each mounted name of a container has meant while this program ran.</summary>
    private readonly ConcurrentDictionary<(string Container, string Name), ImmutableHashSet<string>> _mounted = new();

    /// <summary>The names of each image in the last list, to restore them after a failed removal.</summary>
    private Dictionary<string, List<string>> _names = [];

    /// <summary>The names that were restored and whose `tag` event has not come yet.</summary>
    private readonly ConcurrentDictionary<(string ImageId, string Name), bool> _restored = new();

    /// <summary>The directory of the images, as the engine last reported it.</summary>
    private string? _imageDirectory;

    public override string ToString() => _docker.Address.ToString();

    public IReadOnlyDictionary<string, string> Settings => new Dictionary<string, string>
    {
        [nameof(DockerOptions.EngineAddress)] = options.Value.EngineAddress.OriginalString,
        [nameof(DockerOptions.EngineTimeout)] = DurationText.Format(options.Value.EngineTimeout),
    };

    public bool IsImageId(string text) => ImageId.IsDigest(text);

    /// <remarks>
    /// Docker keeps its ID in the data directory, and up to 20.10 in /etc/docker
    /// (https://github.com/moby/moby/pull/43555). Another image store has another driver. Podman has no ID: it reports
    /// a new UUID at each call (pkg/api/handlers/compat/info.go in podman).
    /// </remarks>
    public async Task<string> IdentifyAsync(CancellationToken cancellationToken)
    {
        var info = await InfoAsync(cancellationToken).ConfigureAwait(false);
        _imageDirectory = ImageDirectoryOf(info);
        return $"{(_docker.IsPodman ? "podman" : $"docker {info.ID}")} {info.DockerRootDir} {info.Driver}";
    }

    /// <remarks>
    /// SharedSize is -1 unless Docker calculated it (ImageSummary of the Engine API), and always 0 from Podman.
    /// </remarks>
    public async Task<IReadOnlyCollection<EngineImage>> ListImagesAsync(CancellationToken cancellationToken)
    {
        var images = await ListAllImagesAsync(cancellationToken).ConfigureAwait(false);
        var readOnly = await ListReadOnlyAsync(cancellationToken).ConfigureAwait(false);
        _names = images.DistinctBy(image => image.ID)
            .ToDictionary(image => image.ID, image => NamesOf(image.RepoTags, image.RepoDigests));
        return [.. images.Select(image => new EngineImage
        {
            ImageId = image.ID,
            Names = NamesOf(image.RepoTags, image.RepoDigests),
            SizeBytes = image.Size,
            UniqueBytes = image.SharedSize >= 0 && !_docker.IsPodman ? image.Size - image.SharedSize : null,
            ParentId = image.ParentID is { Length: > 0 } parent ? parent : null,
            Labels = LabelsOf(image.Labels),
            ReadOnly = readOnly.Contains(image.ID),
        })];
    }

    public async Task<EngineImage?> FindImageAsync(string reference, CancellationToken cancellationToken)
    {
        var image = await InspectAsync(reference, cancellationToken).ConfigureAwait(false);
        return image is null ? null : new EngineImage
        {
            ImageId = image.ID,
            Names = NamesOf(image.RepoTags, image.RepoDigests),
            SizeBytes = image.Size,
            Labels = LabelsOf(image.Config?.Labels),
        };
    }

    /// <remarks>Containers of a Docker build, and those that Podman runs from a directory, can have no image.</remarks>
    /// <exception cref="InvalidDataException">The engine does not report the image of a container.</exception>
    public async Task<IReadOnlyCollection<EngineContainer>> ListContainersAsync(CancellationToken cancellationToken)
    {
        var containers = await _docker.AskAsync(
            new Request("list the containers", "GET /containers/json"), (docker, cancel) =>
            docker.Containers.ListContainersAsync(new ContainersListParameters { All = true }, cancel),
            cancellationToken).ConfigureAwait(false);

        List<EngineContainer> listed = [];
        foreach (var mount in _mounted.Keys.Where(mount => containers.All(one => one.ID != mount.Container)))
            _mounted.TryRemove(mount, out _);
        foreach (var container in containers)
        {
            listed.Add(new EngineContainer
            {
                Id = container.ID,
                Name = container.Names?.FirstOrDefault()?.TrimStart('/'),
                ImageIds = await ImagesOfAsync(
                    container.ID, ImageOf(container.ID, container.ImageID, container.Image), container.Mounts,
                    cancellationToken).ConfigureAwait(false),
                Labels = LabelsOf(container.Labels),
            });
        }

        return listed;
    }

    public async Task<EngineContainer?> FindContainerAsync(string containerId, CancellationToken cancellationToken)
    {
        var container = await _docker.FindAsync(
            new Request($"inspect {containerId}", "GET /containers/{id}/json"), (docker, cancel) =>
            docker.Containers.InspectContainerAsync(containerId, cancel), cancellationToken).ConfigureAwait(false);
        return container is null ? null : new EngineContainer
        {
            Id = container.ID,
            Name = container.Name?.TrimStart('/'),
            ImageIds = await ImagesOfAsync(
                container.ID, ImageOf(container.ID, container.Image, container.Config?.Image), container.Mounts,
                cancellationToken).ConfigureAwait(false),
            Labels = LabelsOf(container.Config?.Labels),
        };
    }

    public async Task<DiskUsage?> MeasureDiskAsync(CancellationToken cancellationToken)
    {
        if (!_docker.IsOnThisDevice)
            return null;
        var directory = _imageDirectory ??= ImageDirectoryOf(await InfoAsync(cancellationToken).ConfigureAwait(false));
        return Directory.Exists(directory)
            ? DiskUsage.OfDirectory(directory)
            : throw new EngineRequestFailedException(
                $"Disk usage cannot be measured: the engine keeps its images in '{directory}', which this program "
                + "cannot see. Mount that directory read-only into its container, or set "
                + $"{nameof(ImageGarbageCollectionOptions.ImageDirectory)}.");
    }

    /// <summary>Returns the directory of the storage driver, which may be a disk of its own.</summary>
    /// <remarks>With this driver type, Docker keeps images in containerd, and not under DockerRootDir.</remarks>
    private static string ImageDirectoryOf(SystemInfoResponse info)
    {
        if (info.DriverStatus?.Any(pair => pair is ["driver-type", "io.containerd.snapshotter.v1"]) == true)
            return ContainerdRoot;
        var ofDriver = Path.Combine(info.DockerRootDir ?? "", info.Driver ?? "");
        return Directory.Exists(ofDriver) ? ofDriver : info.DockerRootDir ?? "";
    }

    public void Dispose() => _docker.Dispose();

    /// <summary>The default `root` of containerd (docs/ops.md in containerd). Docker does not report it.</summary>
    private const string ContainerdRoot = "/var/lib/containerd";

    private Task<SystemInfoResponse> InfoAsync(CancellationToken cancellationToken) =>
        _docker.AskAsync(new Request("describe itself", "GET /info"), (docker, cancel) =>
            docker.System.GetSystemInfoAsync(cancel), cancellationToken);

    private Task<IList<ImagesListResponse>> ListAllImagesAsync(CancellationToken cancellationToken) =>
        _docker.AskAsync(new Request("list the images", "GET /images/json"), (docker, cancel) =>
            docker.Images.ListImagesAsync(new ImagesListParameters { All = true }, cancel), cancellationToken);

    /// <summary>Lists the IDs of images in Podman's read-only stores, which only this filter shows.</summary>
    private async Task<HashSet<string>> ListReadOnlyAsync(CancellationToken cancellationToken)
    {
        if (!_docker.IsPodman)
            return [];
        var readOnly = new Dictionary<string, IDictionary<string, bool>>
        {
            ["readonly"] = new Dictionary<string, bool> { ["true"] = true },
        };
        var images = await _docker.AskAsync(
            new Request("list the read-only images", "GET /images/json"), (docker, cancel) =>
            docker.Images.ListImagesAsync(new ImagesListParameters { All = true, Filters = readOnly }, cancel),
            cancellationToken).ConfigureAwait(false);
        return [.. images.Select(image => image.ID)];
    }

    /// <summary>Returns the image with this ID or name; null if there is none.</summary>
    private Task<ImageInspectResponse?> InspectAsync(string reference, CancellationToken cancellationToken) =>
        _docker.FindAsync(new Request($"inspect {reference}", "GET /images/{name}/json"), (docker, cancel) =>
            docker.Images.InspectImageAsync(reference, cancel), cancellationToken);

    /// <summary>Returns the ID of a container's image; null if it has none.</summary>
    private static string? ImageOf(string container, string? imageId, string? name)
    {
        if (ImageId.IsDigest(imageId ?? ""))
            return imageId;
        return imageId is null or "" or "sha256:" && string.IsNullOrEmpty(name)
            ? null
            : throw new InvalidDataException($"The engine does not report the image ID of container {container}, so "
                + "any image may be in use. Read the engine's log, or remove that container.");
    }

    /// <summary>Returns the IDs of a container's image and of the images mounted into it.</summary>
    /// <remarks>
    /// The engine reports a mounted image by its name only, which a pull can move to another image. The old image stays
    /// mounted until Podman restarts the container and mounts the new one, so both count as in use.
    /// </remarks>
    private async Task<IReadOnlyList<string>> ImagesOfAsync(
        string container, string? imageId, IList<MountPoint>? mounts, CancellationToken cancellationToken)
    {
        List<string> images = imageId is null ? [] : [imageId];
        foreach (var mount in mounts?.Where(mount => mount.Type == "image") ?? [])
        {
            // Docker reports the name in Name, Podman in Source.
            var reference = mount.Name is { Length: > 0 } name ? name : mount.Source;
            if (string.IsNullOrEmpty(reference))
                throw new InvalidDataException(
                    $"The engine does not report which image is mounted into container {container}, so any image may "
                    + "be in use. Remove that container.");
            var image = await InspectAsync(reference, cancellationToken).ConfigureAwait(false);
            var mounted = image is null
                ? _mounted.GetValueOrDefault((container, reference), [])
                : _mounted.AddOrUpdate((container, reference), [image.ID], (_, known) => known.Add(image.ID));
            if (mounted.IsEmpty)
                throw new InvalidDataException(
                    $"The image '{reference}' is mounted into container {container}, but the engine finds no image of "
                    + "that name, so any image may be in use. Tag the image with that name, or remove the container.");
            images.AddRange(mounted);
        }

        return images;
    }

    private static List<string> NamesOf(IList<string>? tags, IList<string>? digests) =>
        [.. (tags ?? []).Concat(digests ?? []).Where(name => !name.StartsWith("<none>", StringComparison.Ordinal))];

    private static Dictionary<string, string> LabelsOf(IDictionary<string, string>? labels) =>
        labels is null ? [] : new Dictionary<string, string>(labels, StringComparer.Ordinal);
}
