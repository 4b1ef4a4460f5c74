namespace ImageGc.Cli.Tests;

public sealed class HelpTests : CliTest
{
    [Theory]
    [InlineData("record")]
    [InlineData("list")]
    [InlineData("explain")]
    [InlineData("prune")]
    [InlineData("forget")]
    [InlineData("import")]
    [InlineData("export")]
    [InlineData("history")]
    [InlineData("check")]
    [InlineData("run")]
    [InlineData("completion")]
    public void Every_command_has_help_with_an_example(string command)
    {
        var help = RunAnywhere(command, "--help");

        Assert.Equal(ExitCode.Done, help.ExitCode);
        Assert.Contains($"imagegc {command}", help.Output[help.Output.IndexOf("Examples:", StringComparison.Ordinal)..], StringComparison.Ordinal);
        Assert.Contains($"  {command}", RunAnywhere("--help").Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("explain")]
    [InlineData("prune")]
    [InlineData("check")]
    [InlineData("run")]
    [InlineData("completion")]
    public void Examples_fit_80_columns_unless_they_name_an_image(string command)
    {
        var help = RunAnywhere([.. command.Split(' ', StringSplitOptions.RemoveEmptyEntries), "--help"]).Output;
        var examples = help[help.IndexOf("Examples:", StringComparison.Ordinal)..].Split('\n');

        Assert.All(
            examples.Where(line => !line.Contains("sha256:", StringComparison.Ordinal)),
            line => Assert.InRange(line.Length, 0, 80));
        Assert.DoesNotContain(examples, line => line.EndsWith(' '));
    }

    [Fact]
    public void Help_names_the_environment_variable() =>
        Assert.Contains("IMAGEGC_DB", RunAnywhere("--help").Output, StringComparison.Ordinal);

    [Fact]
    public void Help_has_only_the_names_that_linux_knows()
    {
        var help = RunAnywhere("list", "--help").Output;

        Assert.Contains("-h, --help", help, StringComparison.Ordinal);
        Assert.DoesNotContain("-?", help, StringComparison.Ordinal);
        Assert.Equal(help, RunAnywhere("list", "-h").Output);
        Assert.Equal(ExitCode.Usage, RunAnywhere("list", "/?").ExitCode);
    }

    [Fact]
    public void Wrong_usage_is_told_in_a_few_lines_that_begin_with_the_programs_name()
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
}
