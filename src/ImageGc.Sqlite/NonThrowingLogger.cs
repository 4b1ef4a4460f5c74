using Microsoft.Extensions.Logging;

namespace ImageGc.Sqlite;

/// <summary>
/// A log that fails keeps nobody from a result: the images of a prune would be forgotten and never removed.
/// </summary>
internal sealed class NonThrowingLogger(ILogger inner) : ILogger
{
    public bool IsEnabled(LogLevel logLevel) => true; // It is asked in Log, where it may fail.

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
            // There is nowhere left to say so.
        }
    }
}
