using Microsoft.Extensions.Logging;

namespace ImageGc.Sqlite;

/// <summary>
/// Swallows the exceptions of the host's logger. One that escaped from a prune would lose the list of images that were
/// just forgotten, so they would never be removed.
/// </summary>
internal sealed class NonThrowingLogger(ILogger inner) : ILogger
{
    public bool IsEnabled(LogLevel logLevel) => true; // Log asks the inner logger, which may throw.

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public void Log<TState>(
        LogLevel logLevel, EventId eventId, TState state, Exception? exception,
        Func<TState, Exception?, string> formatter)
    {
        try
        {
            if (inner.IsEnabled(logLevel))
                inner.Log(logLevel, eventId, state, exception, formatter);
        }
#pragma warning disable CA1031 // Whatever a provider throws: its disk may be full, or it was disposed of.
        catch (Exception)
#pragma warning restore CA1031
        {
            // A failure to report cannot be reported anywhere else.
        }
    }
}
