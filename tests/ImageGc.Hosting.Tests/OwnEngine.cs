namespace ImageGc.Hosting.Tests;

/// <summary>An engine as a runtime without Docker would bring it: everything but `stuck` can be removed.</summary>
internal sealed class OwnEngine : IContainerEngine
{
    public List<string> Removed { get; } = [];

    public List<EngineImage> Images { get; } = [];

    public Exception? Failure { get; set; }

    public Exception? ImagesFailure { get; set; }

    /// <summary>What the removal of an image throws.</summary>
    public Exception? RemovalFailure { get; set; }

    public int UsedPercent { get; set; }

    public Task<IReadOnlyCollection<string>> ListImagesInUseAsync(CancellationToken cancellationToken) =>
        Failure is null ? Task.FromResult<IReadOnlyCollection<string>>([])
            : Task.FromException<IReadOnlyCollection<string>>(Failure);

    public Task<IReadOnlyCollection<EngineImage>> ListImagesAsync(CancellationToken cancellationToken) =>
        ImagesFailure is null
            ? Task.FromResult<IReadOnlyCollection<EngineImage>>(Images)
            : Task.FromException<IReadOnlyCollection<EngineImage>>(ImagesFailure);

    public Task RemoveImageAsync(string imageId, CancellationToken cancellationToken)
    {
        if (imageId == "stuck")
            return Task.FromException(new InvalidOperationException("It is stuck."));
        if (RemovalFailure is not null)
            return Task.FromException(RemovalFailure);
        Removed.Add(imageId);
        return Task.CompletedTask;
    }

    public Task<DiskSpace> MeasureDiskAsync(CancellationToken cancellationToken) =>
        Task.FromResult(new DiskSpace(TotalBytes: 100, AvailableBytes: 100 - UsedPercent));
}
