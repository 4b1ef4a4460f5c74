namespace ImageGc.Docker;

/// <summary>
/// The address and the time-out of the engine. In configuration, they are in the same section as
/// <see cref="Hosting.ImageGarbageCollectionOptions"/>.
/// </summary>
public sealed class DockerOptions
{
    /// <summary>
    /// The address of the engine, unix:///path or tcp://host:port. By default, that of the environment variable
    /// DOCKER_HOST, otherwise unix:///var/run/docker.sock.
    /// </summary>
    public Uri EngineAddress { get; set; } = new("unix:///var/run/docker.sock");

    /// <summary>How long one answer of the engine may take; 2 minutes by default.</summary>
    public TimeSpan EngineTimeout { get; set; } = TimeSpan.FromMinutes(2);
}
