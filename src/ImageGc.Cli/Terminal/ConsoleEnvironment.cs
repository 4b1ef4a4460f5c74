using ImageGc.Cli.Execution;

namespace ImageGc.Cli.Terminal;

/// <summary>Where `imagegc` was started: all that it takes from outside besides its arguments.</summary>
internal sealed record ConsoleEnvironment
{
    public TimeProvider Time { get; init; } = TimeProvider.System;

    public Func<string, string?> GetVariable { get; init; } = Environment.GetEnvironmentVariable;

    /// <summary>The settings of this device, which all commands share with the daemon; it need not exist.</summary>
    public string SettingsFile { get; init; } = "/etc/imagegc.json";

    /// <summary>
    /// The database if nothing names one: the same for every command, wherever it is typed, and for the packages.
    /// </summary>
    public string DefaultDatabase { get; init; } = "/var/lib/imagegc/image_use.db";

    public Func<Stream> OpenStandardInput { get; init; } = OpenProcessInput;

    /// <summary>The columns of the terminal that standard output goes to; null when it is piped.</summary>
    public int? TerminalWidth { get; init; }

    /// <summary>Whether standard error is a terminal, where a person can see progress.</summary>
    public bool ErrorIsTerminal { get; init; }

    /// <summary>https://no-color.org; a dumb terminal understands no colours either.</summary>
    public bool UseColors =>
        TerminalWidth is not null && string.IsNullOrEmpty(GetVariable("NO_COLOR")) && GetVariable("TERM") is not "dumb";

    public static ConsoleEnvironment FromCurrentProcess() => new()
    {
        TerminalWidth = Console.IsOutputRedirected ? null : WidthOrDefault(Console.WindowWidth),
        ErrorIsTerminal = !Console.IsErrorRedirected,
    };

    /// <remarks>
    /// Where it is closed, .NET gets its number for a pipe of its own, which would never end.
    /// </remarks>
    private static Stream OpenProcessInput() => new FileInfo("/proc/self/fd/0").LinkTarget is { } input
        && input.StartsWith("pipe:", StringComparison.Ordinal)
        && Directory.EnumerateFiles("/proc/self/fd")
            .Any(file => new FileInfo(file).LinkTarget == input && IsOpenForWriting(file))
            ? throw new CommandFailedException("Standard input is closed. Nothing was changed.")
            : Console.OpenStandardInput();

    /// <summary>The last digit of the octal flags is 1 for O_WRONLY, with a 4 for a bit that does not matter.</summary>
    private static bool IsOpenForWriting(string file) =>
        File.ReadLines($"/proc/self/fdinfo/{Path.GetFileName(file)}").Any(line =>
            line.StartsWith("flags:", StringComparison.Ordinal) && line[^1] is '1' or '5');

    private static int WidthOrDefault(int width) => width > 0 ? width : 80;
}
