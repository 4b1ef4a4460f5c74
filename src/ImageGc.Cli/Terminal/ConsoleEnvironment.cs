using ImageGc.Cli.Execution;

namespace ImageGc.Cli.Terminal;

/// <summary>The environment of `imagegc`: all input other than its arguments.</summary>
internal sealed record ConsoleEnvironment
{
    public TimeProvider Time { get; init; } = TimeProvider.System;

    public Func<string, string?> GetVariable { get; init; } = Environment.GetEnvironmentVariable;

    /// <summary>The settings file, which all commands share with the daemon. It need not exist.</summary>
    public string SettingsFile { get; init; } = "/etc/imagegc.json";

    /// <summary>The database if none is named. The packages create its directory.</summary>
    public string DefaultDatabase { get; init; } = "/var/lib/imagegc/image_use.db";

    public Func<Stream> OpenStandardInput { get; init; } = OpenProcessInput;

    /// <summary>The width of the terminal; null if standard output is not a terminal.</summary>
    public int? TerminalWidth { get; init; }

    /// <summary>Whether standard error is a terminal, so that progress is shown.</summary>
    public bool ErrorIsTerminal { get; init; }

    /// <summary>Not if NO_COLOR is set (https://no-color.org), or if the terminal has no colours.</summary>
    public bool UseColors =>
        TerminalWidth is not null && string.IsNullOrEmpty(GetVariable("NO_COLOR")) && GetVariable("TERM") is not "dumb";

    public static ConsoleEnvironment FromCurrentProcess() => new()
    {
        TerminalWidth = Console.IsOutputRedirected ? null : WidthOrDefault(Console.WindowWidth),
        ErrorIsTerminal = !Console.IsErrorRedirected,
    };

    /// <remarks>
    /// If standard input was closed, it is a file that can only be written (<see cref="ClosedStreams"/>). But a runtime
    /// that compiles while it runs gets the descriptor, 0, for a pipe of its own first, and reading would never end.
    /// Such a pipe is recognized because this process also has its end for writing.
    /// </remarks>
    private static Stream OpenProcessInput() => new FileInfo("/proc/self/fd/0").LinkTarget is { } input
        && (IsOpenForWriting("/proc/self/fd/0")
            || (input.StartsWith("pipe:", StringComparison.Ordinal)
                && Directory.EnumerateFiles("/proc/self/fd")
                    .Any(file => new FileInfo(file).LinkTarget == input && IsOpenForWriting(file))))
            ? throw new CommandFailedException("Standard input is closed. Nothing was changed.")
            : Console.OpenStandardInput();

    /// <summary>proc(5): the flags are octal. O_WRONLY is 1, and the bit 4 of the same digit does not matter.</summary>
    private static bool IsOpenForWriting(string file) =>
        File.ReadLines($"/proc/self/fdinfo/{Path.GetFileName(file)}").Any(line =>
            line.StartsWith("flags:", StringComparison.Ordinal) && line[^1] is '1' or '5');

    private static int WidthOrDefault(int width) => width > 0 ? width : 80;
}
