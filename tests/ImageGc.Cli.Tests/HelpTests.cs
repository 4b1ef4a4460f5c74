namespace ImageGc.Cli.Tests;

public sealed class HelpTests : CliTest
{
    [Fact]
    public void Every_command_has_help_with_an_example() =>
        Assert.All(Commands(), command =>
            Assert.Contains($"imagegc {command}", ExamplesOf(command), StringComparison.Ordinal));

    [Fact]
    public void Examples_fit_80_columns_unless_they_name_an_image() =>
        Assert.All(Commands().Append(""), command => Assert.All(ExamplesOf(command).Split('\n'), line =>
        {
            Assert.False(line.EndsWith(' '), line);
            Assert.True(line.Length <= 80 || line.Contains("sha256:", StringComparison.Ordinal), line);
        }));

    [Fact]
    public void Help_does_not_depend_on_the_database()
    {
        Variables["IMAGEGC_DB"] = DatabasePath;
        var without = RunAnywhere("--help").Output + RunAnywhere("forget", "--help").Output;
        Record(TimeSpan.Zero, Id(1));

        Assert.Equal(without, RunAnywhere("--help").Output + RunAnywhere("forget", "--help").Output);
    }

    [Theory]
    [InlineData("record", "sha256:a", "--jsn")]
    [InlineData("forget", "a", "--dry-run")]
    [InlineData("export", "-")]
    [InlineData("prune", "--older-than", "0", "--in-use", "b", "--dry-rum")]
    [InlineData("run", "--once", "--keep", "agent", "--dry-rum")]
    public void A_mistyped_option_is_a_usage_error_and_changes_nothing(params string[] args)
    {
        Record(TimeSpan.Zero, "a");

        var result = Run(args);

        Assert.Equal(ExitCode.Usage, result.ExitCode);
        Assert.Contains($"Unknown option '{args[^1]}' of 'imagegc ", result.Error, StringComparison.Ordinal);
        Assert.Equal(["a"], TrackedIds());
        Assert.Equal(ExitCode.Done, RunAnywhere("record", "--as-is", "--db", DatabasePath, "--", "--odd").ExitCode);
    }

    [Fact]
    public void Help_is_a_command_too_and_never_runs_another_one()
    {
        Record(TimeSpan.Zero, "a");

        Assert.Equal(RunAnywhere("--help").Output, RunAnywhere("help").Output);
        Assert.Equal(RunAnywhere("list", "--help"), RunAnywhere("help", "list"));
        Assert.Equal(ExitCode.Done, RunAnywhere("help", "--db", DatabasePath, "forget", "a").ExitCode);
        Assert.Equal(["a"], TrackedIds());
    }

    [Fact]
    public void The_version_has_a_short_option() =>
        Assert.Equal(RunAnywhere("--version"), RunAnywhere("-V"));

    [Fact]
    public void Help_names_the_environment_variable() =>
        Assert.Contains("IMAGEGC_DB", RunAnywhere("--help").Output, StringComparison.Ordinal);

    [Fact]
    public void Help_shows_only_the_option_names_of_Linux()
    {
        var help = RunAnywhere("list", "--help").Output;

        Assert.Contains("-h, --help", help, StringComparison.Ordinal);
        Assert.DoesNotContain("-?", help, StringComparison.Ordinal);
        Assert.Equal(help, RunAnywhere("list", "-h").Output);
        Assert.Equal(ExitCode.Usage, RunAnywhere("list", "/?").ExitCode);
    }

    [Fact]
    public void Wrong_usage_is_reported_in_a_few_lines_that_begin_with_the_programs_name()
    {
        Assert.Equal(
            [
                "imagegc: Unrecognized command or argument '--no-such'.",
                "Run 'imagegc list --help' for usage and examples.", "",
            ],
            RunAnywhere("list", "--no-such").Error.Split('\n'));
        Assert.Equal(
            ["imagegc: 'lst' was not matched. Did you mean one of the following?", "list"],
            RunAnywhere("lst").Error.Split('\n').Take(2));
    }

    [Theory]
    [InlineData]
    [InlineData("prnue")]
    [InlineData("list", "--colour")]
    [InlineData("record")]
    [InlineData("list", "--db", "")]
    public void Wrong_usage_exits_with_2(params string[] args) =>
        Assert.Equal(ExitCode.Usage, RunAnywhere(args).ExitCode);

    private string ExamplesOf(string command)
    {
        var help = RunAnywhere([.. command.Split(' ', StringSplitOptions.RemoveEmptyEntries), "--help"]);
        Assert.Equal(ExitCode.Done, help.ExitCode);
        var examples = help.Output[help.Output.IndexOf("Examples:", StringComparison.Ordinal)..];
        return command.Length > 0 ? examples : examples[..examples.IndexOf("\nUsage:", StringComparison.Ordinal)];
    }
}
