namespace ImageGc.Cli.Execution;

/// <summary>A command cannot do its work; the message says why and what to do.</summary>
internal sealed class CommandFailedException(string message) : Exception(message);
