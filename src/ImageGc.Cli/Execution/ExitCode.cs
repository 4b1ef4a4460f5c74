namespace ImageGc.Cli.Execution;

/// <summary>The exit codes, on which scripts rely.</summary>
internal static class ExitCode
{
    public const int Done = 0;
    public const int Failed = 1;
    public const int Usage = 2;
    public const int Interrupted = 130; // As shells report a program that SIGINT ended: 128 + 2.
}
