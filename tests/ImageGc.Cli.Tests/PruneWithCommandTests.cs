using System.Text.Json;

namespace ImageGc.Cli.Tests;

public sealed class PruneWithCommandTests : CliTest
{
    private static readonly TimeSpan Month = TimeSpan.FromDays(30);

    public PruneWithCommandTests() => Variables["PATH"] = Environment.GetEnvironmentVariable("PATH")!;

    [Fact]
    public void Images_are_forgotten_only_after_their_command_succeeded()
    {
        Record(Month, "a", "b", "c", "d", "e");
        Describe("a", 300_000_000, "app:1");
        Describe("e", 10_000_000, "app:2");
        var command = ScriptOf("echo said $1; case $1 in b|d) echo no >&2; echo \"$1 is busy\" >&2; exit 3;; esac");

        var result = Prune($"{command} {{}}");

        Assert.Equal(ExitCode.Failed, result.ExitCode);
        Assert.Equal(["b", "d"], TrackedIds());
        Assert.Equal(["removed a", "removed c", "removed e", "failed b", "failed d"], Verdicts(result));
        Assert.Contains(
            $"'{command}' exited with 3: b is busy. It stays tracked", result.Error, StringComparison.Ordinal);
        Assert.Contains("said e\n", result.Error, StringComparison.Ordinal);
        Assert.Contains("Removed 3 expired images with 310 MB. Remaining: 2.", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_command_that_always_fails_keeps_everything()
    {
        Record(Month, Id(1), Id(2));

        Assert.Equal(ExitCode.Failed, Prune("false {}").ExitCode);
        Assert.Equal([Id(1), Id(2)], TrackedIds());
    }

    [Fact]
    public void The_command_runs_for_nothing_but_expired_images()
    {
        Record(Month, "old", "used");
        Record(TimeSpan.Zero, "new");

        var result = Run("prune", "--in-use", "used", "--run", "true {}");

        Assert.Equal(ExitCode.Done, result.ExitCode);
        Assert.Equal(["removed old", "new", "used"], [Verdicts(result)[0], .. TrackedIds()]);
    }

    [Theory]
    [InlineData("$(touch${IFS}ran)")]
    [InlineData(";reboot")]
    [InlineData("--force")]
    [InlineData("{}")]
    [InlineData("`reboot`")]
    [InlineData("a|reboot")]
    [InlineData("a/../../etc")]
    [InlineData("/etc/passwd")]
    [InlineData("@file")]
    [InlineData("a\u202eb")]
    public void An_ID_that_a_program_could_misread_is_never_passed_to_the_command(string hostile)
    {
        Record(Month, hostile, "registry:5000/team/name@sha256:00ff");
        var ran = PathOf("ran");

        var result = Prune($"{ScriptOf($"echo \"$*\" >> '{ran}'")} 'id={{}}' {{}}");

        Assert.Equal(ExitCode.Failed, result.ExitCode);
        Assert.Equal(
            "id=registry:5000/team/name@sha256:00ff registry:5000/team/name@sha256:00ff\n", File.ReadAllText(ran));
        Assert.Equal([hostile], TrackedIds());
        Assert.Contains("A command could misread the ID", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Quotes_keep_words_together_and_nothing_is_expanded()
    {
        Record(Month, "a");

        var print = ScriptOf($"printf '<%s>' \"$@\" > '{PathOf("words")}'");
        Prune($"{print} 'two words' \"it's\"'$HOME' '' \\n * x{{}}y{{}} {{}}");

        Assert.Equal("<two words><it's$HOME><><\\n><*><xaya><a>", File.ReadAllText(PathOf("words")));
    }

    [Theory]
    [InlineData("true", "has no {}")]
    [InlineData("", "is empty")]
    [InlineData("true '{}", "has a ' that is not closed")]
    [InlineData("true \"{}", "has a \" that is not closed")]
    [InlineData("true {} | cat", "| has no effect")]
    [InlineData("true {} > /dev/null", "> has no effect")]
    [InlineData("{} x", "has {} where the program belongs")]
    [InlineData("no-such-program {}", "the program 'no-such-program' was not found")]
    [InlineData("/tmp {}", "the program '/tmp' was not found")]
    [InlineData("/etc/passwd {}", "the program '/etc/passwd' was not found")]
    public void A_command_that_cannot_work_is_a_usage_error_before_anything_is_decided(string command, string why)
    {
        Record(Month, "a");

        var result = Prune(command);

        Assert.Equal(ExitCode.Usage, result.ExitCode);
        Assert.Contains(why, result.Error, StringComparison.Ordinal);
        Assert.Contains("No cleanup has run yet", Run("history", "--runs").Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_program_is_found_in_PATH_only()
    {
        Record(Month, "a");
        ScriptOf("exit 0");

        Assert.Equal(ExitCode.Usage, Prune("test-script {}").ExitCode);
        Assert.Equal(ExitCode.Usage, Prune("imagegc list {}").ExitCode); // Beside the running program.
        Variables["PATH"] = $"/missing::{Path.GetDirectoryName(PathOf("test-script"))}";
        Assert.Equal(ExitCode.Done, Prune("test-script {}").ExitCode);
    }

    [Fact]
    public void A_database_that_fails_in_the_middle_ends_the_prune_which_reports_what_it_removed()
    {
        Record(Month, "a", "b");

        var result = Prune(ScriptOf($"sqlite3 '{DatabasePath}' 'DROP TABLE image_use'") + " {}");

        Assert.Equal(ExitCode.Failed, result.ExitCode);
        Assert.Equal(["removed a", "expired b"], Verdicts(result));
        Assert.Contains("Removed 1 expired image. Remaining: 1.", result.Error, StringComparison.Ordinal);
        Assert.Contains("no such table: image_use", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void An_image_that_is_used_while_it_is_removed_stays_tracked()
    {
        Record(Month, "a");

        var imagegc = Path.Combine(AppContext.BaseDirectory, "imagegc");

        var result = Prune($"'{imagegc}' record --as-is {{}} --db '{DatabasePath}'");

        Assert.Equal(ExitCode.Done, result.ExitCode);
        Assert.Equal(["used-meanwhile a"], Verdicts(result));
        Assert.Equal(["a"], TrackedIds());
    }

    [Theory]
    [InlineData("exit 0", ExitCode.Done)]
    [InlineData("test $1 = rmi || echo 'Error: No such image: a' >&2; exit 1", ExitCode.Done)]
    [InlineData("test $1 = image && echo '[{}]'", ExitCode.Failed)]
    [InlineData("echo 'Cannot connect to the Docker daemon' >&2; exit 1", ExitCode.Failed)]
    public void The_script_in_the_help_forgets_an_image_only_if_it_is_gone(string docker, int exitCode)
    {
        Record(Month, "a");
        var engine = FileOf($"#!/bin/sh\n{docker}\n", "docker");
        File.SetUnixFileMode(engine, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        var help = RunAnywhere("prune", "--help").Lines.Select(line => line.Trim()).ToList();
        var script = help[help.IndexOf("#!/bin/sh") + 1].Replace("docker", engine, StringComparison.Ordinal);

        Assert.Equal(exitCode, Prune($"{ScriptOf(script)} {{}}").ExitCode);
        Assert.Equal(exitCode == ExitCode.Failed, TrackedIds().Any());
    }

    [Fact]
    public void A_command_gets_an_empty_standard_input()
    {
        Record(Month, "a");

        Assert.Equal(ExitCode.Done, Prune($"{ScriptOf("! read answer")} {{}}").ExitCode);
    }

    [Fact]
    public void A_dry_run_shows_the_commands_and_runs_none()
    {
        Record(Month, "a", "--force");

        var result = Prune($"{ScriptOf($"touch '{PathOf("ran")}'")} 'it is' {{}}", "--dry-run");

        Assert.Contains($"Would run: {PathOf("test-script")} 'it is' a\n", result.Error, StringComparison.Ordinal);
        Assert.Contains("Would fail: A command could misread the ID '--force'", result.Error, StringComparison.Ordinal);
        Assert.False(File.Exists(PathOf("ran")));
        Assert.Equal(["--force", "a"], TrackedIds());
    }

    [Fact]
    public void Json_says_what_failed_and_why()
    {
        Record(Month, "a", "b");

        var printed = Prune($"{ScriptOf("test $1 = a")} {{}}", "--json").Output;
        var images = JsonDocument.Parse(printed).RootElement.GetProperty("images");

        Assert.Equal("Removed", images[0].GetProperty("reason").GetString());
        Assert.False(images[0].TryGetProperty("failure", out _));
        Assert.Equal("Failed", images[1].GetProperty("reason").GetString());
        Assert.Equal($"'{PathOf("test-script")}' exited with 1.", images[1].GetProperty("failure").GetString());
    }

    private Result Prune(string command, params string[] options) =>
        Run(["prune", "--in-use-file", "/dev/null", "--run", command, .. options]);

    private static string[] Verdicts(Result result) =>
        [.. result.Lines.Select(line => string.Join(' ', line.Split('\t').Take(2)))];
}
