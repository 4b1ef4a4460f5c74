namespace ImageGc.Hosting;

/// <summary>
/// The engine has another store of images than the one whose images are tracked: nothing is removed or forgotten until
/// <see cref="IImageGarbageCollector.AcceptEngineAsync"/>.
/// </summary>
public sealed class EngineChangedException : Exception
{
    /// <summary>Creates the exception.</summary>
    /// <param name="message">Which engine it was, which it is now, and what to do.</param>
    public EngineChangedException(string message)
        : base(message)
    {
    }
}
