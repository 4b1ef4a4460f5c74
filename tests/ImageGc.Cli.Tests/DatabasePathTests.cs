using ImageGc.Cli.Terminal;

namespace ImageGc.Cli.Tests;

public sealed class DatabasePathTests : CliTest
{
    [Theory]
    [InlineData("list")]
    [InlineData("check")]
    [InlineData("history")]
    [InlineData("forget", "a")]
    [InlineData("export", "unwritten")]
    [InlineData("explain", "--in-use", "a")]
    [InlineData("prune", "--in-use", "a")]
    public void A_command_that_only_reads_or_forgets_creates_no_database(params string[] command)
    {
        var result = Run(command);

        Assert.Equal(ExitCode.Failed, result.ExitCode);
        Assert.Contains($"The database '{DatabasePath}' does not exist. Name another with --db PATH or IMAGEGC_DB",
            result.Error, StringComparison.Ordinal);
        Assert.False(File.Exists(DatabasePath));
    }

    [Fact]
    public void The_environment_names_the_database_unless_an_option_does()
    {
        Record(TimeSpan.Zero, Id(1));
        Variables["IMAGEGC_DB"] = DatabasePath;

        Assert.Single(RunAnywhere("list").Lines);
        Assert.Equal(ExitCode.Failed, RunAnywhere("list", "--db", PathOf("other.db")).ExitCode);
    }

    [Fact]
    public void Without_a_path_commands_use_the_same_default_database()
    {
        Assert.Equal("/var/lib/imagegc/image_use.db", new ConsoleEnvironment().DefaultDatabase);
        Assert.Contains(PathOf("default.db"), RunAnywhere("list").Error, StringComparison.Ordinal);
        RunAnywhere("record", Id(1));
        Assert.Equal(PathOf("default.db"), Assert.Single(Directory.GetFiles(PathOf(""), "*.db")));
    }

    [Fact]
    public void A_file_that_is_not_ours_is_an_error_without_a_stack_trace()
    {
        FileOf("a letter", "image_use.db");

        var result = Run("list");

        Assert.Equal(ExitCode.Failed, result.ExitCode);
        Assert.Single(result.Error.TrimEnd().Split('\n'));
        Assert.Equal("a letter", File.ReadAllText(DatabasePath));
    }

    [Fact]
    public void Read_only_commands_never_change_a_damaged_database()
    {
        Record(TimeSpan.Zero, [.. Enumerable.Range(0, 500).Select(Id)]);
        using (var file = File.OpenWrite(DatabasePath))
        {
            file.Position = file.Length - 4096 + 100;
            file.Write(new byte[3000]);
        }

        var before = File.ReadAllBytes(DatabasePath);
        foreach (var command in (string[][])[
            ["list"], ["check"], ["history"], ["export", PathOf("flat")], ["explain", "--in-use-file", "/dev/null"],
            ["prune", "--in-use-file", "/dev/null", "--dry-run"]])
        {
            var result = Run(command);

            Assert.Equal(ExitCode.Failed, result.ExitCode);
            Assert.Contains("Nothing was changed", result.Error, StringComparison.Ordinal);
            Assert.Equal(before, File.ReadAllBytes(DatabasePath));
        }
    }
}
