namespace ImageGc.Hosting;

/// <summary>The engine refused a request. This affects only the image or container that was asked for.</summary>
public class EngineRequestFailedException : Exception
{
    /// <summary>Creates the exception.</summary>
    /// <param name="message">What the engine could not do, and why.</param>
    /// <param name="innerException">The exception of the engine's client, or null.</param>
    public EngineRequestFailedException(string message, Exception? innerException = null)
        : base(message, innerException)
    {
    }
}
