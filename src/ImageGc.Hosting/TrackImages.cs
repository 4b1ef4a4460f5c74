namespace ImageGc.Hosting;

/// <summary>
/// Which images are tracked by a host that watches the engine, and so removed once they are unused for long enough. A
/// tracked image also counts as used when it is pulled, loaded, imported or tagged again.
/// </summary>
public enum TrackImages
{
    /// <summary>Images that containers use.</summary>
    Containers,

    /// <summary>Also images that any program pulls, loads or imports while the host watches.</summary>
    Pulled,

    /// <summary>Also all other images of the engine. They count as used when the host first sees them.</summary>
    All,
}
