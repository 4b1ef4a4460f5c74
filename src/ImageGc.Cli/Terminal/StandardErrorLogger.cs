using Microsoft.Extensions.Logging;

namespace ImageGc.Cli.Terminal;

/// <summary>Writes warnings to standard error, one line each, and at once: the command may end soon.</summary>
internal sealed class StandardErrorLogger(TextWriter error) : ILoggerFactory, ILogger
{
    public ILogger CreateLogger(string categoryName) => this;

    public bool IsEnabled(LogLevel logLevel) => logLevel is >= LogLevel.Warning and not LogLevel.None;

    public void Log<TState>(
        LogLevel logLevel, EventId eventId, TState state, Exception? exception,
        Func<TState, Exception?, string> formatter)
    {
        if (!IsEnabled(logLevel))
            return;
        var cause = exception is null ? "" : $": {exception.Message}";
        var message = $"{formatter(state, exception)}{cause}".ReplaceLineEndings(" ");
        error.WriteLine(logLevel == LogLevel.Warning ? $"imagegc: warning: {message}" : $"imagegc: {message}");
    }

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

    public void Dispose()
    {
        // Standard error belongs to the caller.
    }
}
