namespace ImageGc.Hosting;

/// <summary>
/// Which images a host tracks that watches the engine, and so removes once they are unused for long enough. Whatever is
/// tracked counts as used too when it is pulled, loaded, imported or tagged again.
/// </summary>
public enum TrackImages
{
    /// <summary>Those of containers.</summary>
    Containers,

    /// <summary>And those that anybody pulls, loads or imports while the host watches.</summary>
    Pulled,

    /// <summary>And all that are there, as used at the moment they are seen first.</summary>
    All,
}
