namespace ImageGc.Hosting;

/// <summary>
/// The engine has another image store than the one whose images are tracked. Nothing is removed or forgotten until you
/// call <see cref="IImageGarbageCollector.AcceptEngineAsync"/>.
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
