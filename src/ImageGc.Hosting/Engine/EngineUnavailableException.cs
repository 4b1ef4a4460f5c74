namespace ImageGc.Hosting;

/// <summary>
/// The engine cannot be reached, or another program answers in its place. Every call would fail, so the run ends.
/// </summary>
public sealed class EngineUnavailableException : IOException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="message">What could not be done, where, why, and what to do.</param>
    /// <param name="innerException">The exception of the connection, or null.</param>
    public EngineUnavailableException(string message, Exception? innerException = null)
        : base(message, innerException)
    {
    }
}
