using System.Diagnostics;

namespace ImageGc.Cli.Tests;

/// <summary>What only the built program can show.</summary>
public sealed class ProcessTests : CliTest
{
    [Fact]
    public async Task The_program_prints_plain_lines_into_a_pipe()
    {
        Record(TimeSpan.Zero, Id(1));

        var (exitCode, output, error) = await Start($"'{Program}' list --db '{DatabasePath}'");

        Assert.Equal((0, $"{Id(1)}\t2026-03-01T12:00:00Z\n", ""), (exitCode, output, error));
    }

    [Fact]
    public async Task A_reader_that_stops_early_is_no_error()
    {
        Record(TimeSpan.Zero, [.. Enumerable.Range(0, 5000).Select(Id)]);

        var (_, output, error) = await Start($"'{Program}' list --db '{DatabasePath}' | head -n 1");

        Assert.StartsWith(Id(0), output, StringComparison.Ordinal);
        Assert.Empty(error);
    }

    private static string Program => Path.Combine(AppContext.BaseDirectory, "imagegc");

    private static async Task<(int ExitCode, string Output, string Error)> Start(string command)
    {
        using var process = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", command])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        var error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        var output = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (process.ExitCode, output, await error);
    }
}
