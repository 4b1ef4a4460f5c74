namespace ImageGc.Cli;

/// <summary>Where `imagegc` was started: all that it takes from outside besides its arguments.</summary>
internal sealed record Shell
{
    public TimeProvider Time { get; init; } = TimeProvider.System;

    public Func<string, string?> Variable { get; init; } = Environment.GetEnvironmentVariable;

    public Func<Stream> StandardInput { get; init; } = Console.OpenStandardInput;

    /// <summary>The columns of the terminal that standard output goes to; null when it is piped.</summary>
    public int? TerminalWidth { get; init; }

    /// <summary>Whether somebody watches standard error on a terminal.</summary>
    public bool Watched { get; init; }

    /// <summary>https://no-color.org; a dumb terminal understands no colours either.</summary>
    public bool Colors =>
        TerminalWidth is not null && string.IsNullOrEmpty(Variable("NO_COLOR")) && Variable("TERM") is not "dumb";

    public static Shell OfThisProcess() => new()
    {
        TerminalWidth = Console.IsOutputRedirected ? null : WidthOrDefault(Console.WindowWidth),
        Watched = !Console.IsErrorRedirected,
    };

    private static int WidthOrDefault(int width) => width > 0 ? width : 80;
}
