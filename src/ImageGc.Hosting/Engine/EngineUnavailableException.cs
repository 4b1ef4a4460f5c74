namespace ImageGc.Hosting;

/// <summary>
/// The engine cannot be reached, or something else answers, so that every further call would fail too: ends a run.
/// </summary>
public sealed class EngineUnavailableException : IOException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="message">What could not be done, where, why, and what to do.</param>
    /// <param name="innerException">What the connection threw, or null.</param>
    public EngineUnavailableException(string message, Exception? innerException = null)
        : base(message, innerException)
    {
    }
}
