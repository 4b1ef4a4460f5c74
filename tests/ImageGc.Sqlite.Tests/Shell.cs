using System.ComponentModel;
using System.Diagnostics;

namespace ImageGc.Sqlite.Tests;

/// <summary>Runs programs of the system.</summary>
internal static class Shell
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    public static void Run(string command, params string[] arguments)
    {
        var (succeeded, printed) = Execute(command, arguments);
        Assert.True(succeeded, $"'{command} {string.Join(' ', arguments)}' failed: {printed}");
    }

    public static bool TryRun(string command, params string[] arguments) => Execute(command, arguments).Succeeded;

    /// <summary>What the program prints, errors last. Skips the test on a machine that does not have it.</summary>
    public static string OutputOrSkip(string command, params string[] arguments)
    {
        try
        {
            return Execute(command, arguments).Printed;
        }
        catch (Win32Exception)
        {
            Assert.Skip($"This machine does not have {command}.");
            throw;
        }
    }

    private static (bool Succeeded, string Printed) Execute(string command, string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(command, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        Assert.True(process.WaitForExit(Limit),
            $"Waited for {Limit.TotalSeconds:0} seconds in vain until '{command} {string.Join(' ', arguments)}' ends.");
        return (process.ExitCode == 0, output.GetAwaiter().GetResult() + errors.GetAwaiter().GetResult());
    }
}
