namespace ImageGc.Docker;

/// <summary>Where Docker listens. In configuration these stand among the settings of garbage collection.</summary>
public sealed class DockerOptions
{
    /// <summary>
    /// Where the engine listens: unix:///path or tcp://host:port. By default the environment variable DOCKER_HOST,
    /// otherwise unix:///var/run/docker.sock.
    /// </summary>
    public Uri EngineAddress { get; set; } = new("unix:///var/run/docker.sock");

    /// <summary>How long one answer of the engine may take; 2 minutes by default.</summary>
    public TimeSpan EngineTimeout { get; set; } = TimeSpan.FromMinutes(2);
}
