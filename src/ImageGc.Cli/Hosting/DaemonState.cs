using ImageGc.Hosting;

namespace ImageGc.Cli.Hosting;

/// <summary>Whether the host that noted its status still runs.</summary>
internal static class DaemonState
{
    /// <remarks>A host that removes nothing holds no lock: it counts as alive until it says that it stopped.</remarks>
    public static bool IsAlive(HostStatus host, bool isLocked) => host is { StoppedAt: null, IsOnce: false }
        && (isLocked || host.Settings.GetValueOrDefault(nameof(ImageGarbageCollectionOptions.Enabled)) == "false");
}
