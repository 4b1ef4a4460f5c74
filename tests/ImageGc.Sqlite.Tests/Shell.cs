using System.Diagnostics;

namespace ImageGc.Sqlite.Tests;

/// <summary>Programs of the system.</summary>
internal static class Shell
{
    public static void Run(string command, params string[] arguments) =>
        Assert.True(TryRun(command, arguments), $"{command} {string.Join(' ', arguments)}");

    public static bool TryRun(string command, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(command, arguments) { RedirectStandardError = true })!;
        process.StandardError.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0;
    }
}
