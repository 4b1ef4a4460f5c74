using Microsoft.Extensions.Logging;

namespace ImageGc.Sqlite.Tests;

/// <summary>Keeps what is logged.</summary>
internal sealed class RecordingLog : ILoggerFactory, ILogger
{
    private readonly List<(LogLevel Level, string Message, int Event, Exception? Exception)> _entries = [];

    public List<string> Messages(LogLevel level)
    {
        lock (_entries)
            return [.. _entries.Where(entry => entry.Level == level).Select(entry => entry.Message)];
    }

    public List<Exception> Exceptions(LogLevel level)
    {
        lock (_entries)
        {
            return [.. _entries.Where(entry => entry.Level == level)
                .Select(entry => entry.Exception).OfType<Exception>()];
        }
    }

    public HashSet<int> Events()
    {
        lock (_entries)
            return [.. _entries.Select(entry => entry.Event)];
    }

    public ILogger CreateLogger(string categoryName) => this;

    public void AddProvider(ILoggerProvider provider)
    {
    }

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(
        LogLevel logLevel, EventId eventId, TState state, Exception? exception,
        Func<TState, Exception?, string> formatter)
    {
        lock (_entries)
            _entries.Add((logLevel, formatter(state, exception), eventId.Id, exception));
    }

    public void Dispose()
    {
    }
}
