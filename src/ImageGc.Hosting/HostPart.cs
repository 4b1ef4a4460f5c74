namespace ImageGc.Hosting;

/// <summary>A part of the host that can fail while the others work.</summary>
internal enum HostPart
{
    Database,
    Recording,
    Watching,
    Cleanup,
    Disk,
}
