using Microsoft.Extensions.Logging;

namespace ImageGc.Sqlite;

/// <summary>A log that fails keeps nobody from a result: the images of a prune would be forgotten and never removed.</summary>
internal sealed class HarmlessLog(ILogger inner) : ILogger
{
    public bool IsEnabled(LogLevel logLevel) => inner.IsEnabled(logLevel);

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => inner.BeginScope(state);

    public void Log<TState>(
        LogLevel logLevel, EventId eventId, TState state, Exception? exception,
        Func<TState, Exception?, string> formatter)
    {
        try
        {
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
