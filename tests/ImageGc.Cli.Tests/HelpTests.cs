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

    [Fact]
    public void Help_names_the_environment_variable() =>
        Assert.Contains("IMAGEGC_DB", RunAnywhere("--help").Output, StringComparison.Ordinal);

    [Theory]
    [InlineData]
    [InlineData("prnue")]
    [InlineData("list", "--colour")]
    [InlineData("record")]
    [InlineData("list", "--db", "")]
    public void Wrong_usage_exits_with_2(params string[] args) =>
        Assert.Equal(ExitCode.Usage, RunAnywhere(args).ExitCode);
}
