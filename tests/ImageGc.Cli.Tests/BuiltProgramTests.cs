using System.Diagnostics;

namespace ImageGc.Cli.Tests;

/// <summary>The built program as a process: its pipes, exit codes and signals.</summary>
public sealed class BuiltProgramTests : CliTest
{
    [Fact]
    public async Task The_program_prints_plain_lines_into_a_pipe()
    {
        Record(TimeSpan.Zero, Id(1));

        var (exitCode, output, error) = await Start($"'{Program}' list --db '{DatabasePath}'");

        Assert.Equal((0, $"{Id(1)}\t2026-03-01T12:00:00Z\t-\t-\n", ""), (exitCode, output, error));
    }

    [Theory]
    [InlineData("list")]
    [InlineData("run")]
    [InlineData("run --once")]
    public async Task Without_SQLites_native_library_it_ends_with_1_and_says_so_in_one_line(string command)
    {
        Record(TimeSpan.Zero, Id(1));
        var copy = PathOf("copy");

        var (exitCode, _, error) = await Start($"cp -r '{Path.GetDirectoryName(Program)}' '{copy}'; "
            + $"find '{copy}' -name 'libe_sqlite3*' -delete; '{copy}/imagegc' {command} --db '{DatabasePath}'");

        Assert.Equal(ExitCode.Failed, exitCode);
        Assert.StartsWith("imagegc: ", Assert.Single(error.Trim().Split('\n')), StringComparison.Ordinal);
        Assert.Contains("native library", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ImageGarbageCollection__CleanupTime=25:00", "Time.)", "is '25:00': use HH:MM, from 00:00 to 23:59. "
        + "(Set by the environment variable ImageGarbageCollection__CleanupTime.)")]
    [InlineData("TZ=Europe/Berlinn", "'/no/file.prom'", "TZ is 'Europe/Berlinn', which is not a time zone of this "
        + "system, so CleanupTime is in UTC.")]
    [InlineData("TZ=Europe/Berlin", "'/no/file.prom'", "")]
    [InlineData("TZ=:UTC", "'/no/file.prom'", "")]
    public async Task A_wrong_setting_or_time_zone_in_the_environment_is_reported_with_its_variable(
        string variable, string also, string complaint)
    {
        var (exitCode, _, error) = await Start(
            $"{variable} '{Program}' run --db '{DatabasePath}' --engine unix:///no/engine "
            + "--metrics-file /no/file.prom");

        Assert.Equal(ExitCode.Failed, exitCode);
        Assert.Contains(complaint, error, StringComparison.Ordinal);
        Assert.Equal(
            complaint.StartsWith("TZ", StringComparison.Ordinal), error.Contains("TZ is", StringComparison.Ordinal));
        Assert.Contains(also, error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "ImageGarbageCollection__DatabasePath='{0}'", "other.db")]
    [InlineData("", "imagegarbagecollection__databasepath='{0}'", "")]
    [InlineData("", "ImageGarbageCollection__DatabasePath= IMAGEGC_DB=''", "{0}")]
    [InlineData("", "ImageGarbageCollection__DatabasePath=other.db IMAGEGC_DB='{0}'", "other.db")]
    [InlineData("--db '{0}'", "ImageGarbageCollection__DatabasePath=other.db IMAGEGC_DB=other.db", "other.db")]
    public async Task All_commands_find_the_database_in_the_same_place(string flag, string variables, string setting)
    {
        Record(TimeSpan.Zero, Id(1));
        var config = FileOf($$"""
            { "ImageGarbageCollection": { "DatabasePath": "{{setting.Replace("{0}", DatabasePath)}}" } }
            """, ".settings.json");
        flag = flag.Replace("{0}", DatabasePath);
        variables = variables.Replace("{0}", DatabasePath);

        foreach (var command in (string[])["list", "keep", "history", "check", "explain", "status", "run --dry-run"])
        {
            var (exitCode, output, error) = await Start(
                $"cd '{PathOf("")}'; {variables} DOCKER_HOST=unix:///no/engine '{Program}' {command} {flag} "
                + $"--config '{config}'");

            var printed = output + error;
            Assert.True(
                exitCode == ExitCode.Done || printed.Contains("no/engine", StringComparison.Ordinal), printed);
            Assert.DoesNotContain(".db' does not exist", printed, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_reader_that_stops_early_is_not_an_error()
    {
        Record(TimeSpan.Zero, [.. Enumerable.Range(0, 5000).Select(Id)]);

        var (_, output, error) = await Start(
            $"{{ '{Program}' list --db '{DatabasePath}'; echo \"exit code $?\" >&2; }} | head -n 1");

        Assert.StartsWith(Id(0), output, StringComparison.Ordinal);
        Assert.Equal("exit code 0\n", error);
    }

    [Fact]
    public async Task A_prune_whose_messages_cannot_be_written_still_removes()
    {
        Record(TimeSpan.Zero, "a", "b");
        var command = ScriptOf("seq 100000 >&2; test $1 = a");

        var (exitCode, output, _) = await Start(
            $"'{Program}' prune --db '{DatabasePath}' --in-use x --older-than 0 --run '{command} {{}}' 2>/dev/full");

        Assert.Equal((1, "removed\ta", "failed\tb"), (exitCode, Verdict(output, 0), Verdict(output, 1)));
    }

    [Theory]
    [InlineData("list", ExitCode.Failed)]
    [InlineData("list --no-such-option", ExitCode.Usage)]
    public async Task The_exit_code_reports_a_failure_when_standard_error_is_closed(string command, int expected)
    {
        var (exitCode, _, _) = await Start($"'{Program}' {command} --db '{PathOf("missing")}' 2>&-");

        Assert.Equal(expected, exitCode);
    }

    [Theory]
    [InlineData(">&-")]
    [InlineData(">/dev/full")]
    public async Task Results_that_cannot_be_written_are_an_error_that_says_so(string redirection)
    {
        Record(TimeSpan.Zero, "a");

        var (exitCode, _, error) = await Start($"'{Program}' list --db '{DatabasePath}' {redirection}");

        Assert.Equal(ExitCode.Failed, exitCode);
        Assert.StartsWith("imagegc: The results could not be written", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_interrupted_prune_ends_its_command_and_keeps_what_was_done()
    {
        Record(TimeSpan.Zero, "a", "b");
        var gate = PathOf("gate");
        var command = ScriptOf($"mkfifo '{gate}' && echo running $1 && cat '{gate}'");
        using var process = Process.Start(new ProcessStartInfo(
            "env", // A shell would start a background process with SIGINT ignored.
            [
                "--default-signal=INT", Program, "prune", "--db", DatabasePath, "--in-use", "x", "--older-than", "0",
                "--run", $"{command} {{}}",
            ])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;

        await ReadUntil(process.StandardError, "running a");
        await Start($"kill -INT {process.Id}");
        await ReadUntil(process.StandardError, "Stopping once the running command has ended");
        await Start($"echo removed a > '{gate}'");
        await ReadUntil(process.StandardError, "removed a");
        await ReadUntil(process.StandardError, "Interrupted: 1 image left for the next prune.");
        await ExitAsync(process);
        var output = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);

        Assert.Equal(
            (ExitCode.Interrupted, "removed\ta", "expired\tb"),
            (process.ExitCode, Verdict(output, 0), Verdict(output, 1)));
        Assert.Equal(["b"], TrackedIds());
    }

    /// <summary>Reads lines until one has this text.</summary>
    internal static async Task ReadUntil(StreamReader reader, string text)
    {
        var read = new List<string>();
        while (await ResultAsync(
            reader.ReadLineAsync(TestContext.Current.CancellationToken).AsTask(), $"a line has '{text}'") is { } line)
        {
            read.Add(line);
            if (line.Contains(text, StringComparison.Ordinal))
                return;
        }

        Assert.Fail($"No line has '{text}':\n{string.Join('\n', read)}");
    }

    [Fact]
    public async Task A_closed_standard_input_is_reported_and_not_waited_for()
    {
        Record(TimeSpan.Zero, "a");

        var (exitCode, _, error) = await Start($"'{Program}' explain --db '{DatabasePath}' --in-use-file - <&-");

        Assert.Equal((ExitCode.Failed, "imagegc: Standard input is closed. Nothing was changed.\n"), (exitCode, error));
        var piped = await Start($"echo a | '{Program}' explain --db '{DatabasePath}' --in-use-file -");
        Assert.StartsWith("in-use\ta\t", piped.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_prune_reports_how_many_it_forgot_even_if_the_list_cannot_be_written()
    {
        Record(TimeSpan.FromDays(30), "a");

        var (exitCode, _, error) = await Start(
            $"'{Program}' prune --db '{DatabasePath}' --in-use-file /dev/null >/dev/full");

        Assert.Equal(ExitCode.Failed, exitCode);
        Assert.StartsWith("Forgot 1 expired image", error, StringComparison.Ordinal);
        Assert.Contains("imagegc: The results could not be written", error, StringComparison.Ordinal);
    }

    private static string Verdict(string output, int line) =>
        string.Join('\t', output.Split('\n')[line].Split('\t').Take(2));

    internal static string Program => Path.Combine(AppContext.BaseDirectory, "imagegc");

    internal static async Task<(int ExitCode, string Output, string Error)> Start(string command)
    {
        using var process = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", command])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        var error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        var output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await ExitAsync(process);
        return (process.ExitCode, await ResultAsync(output, command), await ResultAsync(error, command));
    }
}
