namespace ImageGc.Hosting;

/// <summary>The engine answered, and refused: it concerns the one image or container that was asked for.</summary>
public class EngineRequestFailedException : Exception
{
    /// <summary>Creates the exception.</summary>
    /// <param name="message">What the engine could not do, and why.</param>
    /// <param name="innerException">What the engine's client threw, or null.</param>
    public EngineRequestFailedException(string message, Exception? innerException = null)
        : base(message, innerException)
    {
    }
}
