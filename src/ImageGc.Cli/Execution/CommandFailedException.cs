namespace ImageGc.Cli.Execution;

/// <summary>Thrown if a command fails. The message says why, and what to do.</summary>
internal sealed class CommandFailedException(string message) : Exception(message);
