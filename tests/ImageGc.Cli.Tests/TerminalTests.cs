namespace ImageGc.Cli.Tests;

public sealed class TerminalTests : CliTest
{
    public TerminalTests() => TerminalWidth = 80;

    [Fact]
    public void A_table_has_short_ids_and_relative_times()
    {
        Variables["NO_COLOR"] = "1";
        Record(TimeSpan.FromDays(3), Id(1));
        Describe(Id(1), 310_000_000, "app");

        var lines = Run("explain", "--in-use", Id(2)).Lines.Select(line => line.TrimEnd());

        Assert.Equal(
            [
                "NAME  LAST USED   VERDICT            SIZE    IMAGE ID",
                "app   3 days ago  expires in 4 days  310 MB  000000000000",
            ],
            lines);
    }

    [Theory]
    [InlineData("registry.example.com/team/project/name:with-a-tag-that-goes-on-and-on-and-on")]
    [InlineData("[red]no-markup[/]")]
    public void A_table_fits_the_terminal_whatever_the_ids_are(string imageId)
    {
        Variables["NO_COLOR"] = "1";
        Record(TimeSpan.FromMinutes(59), imageId, Id(1));

        var result = Run("explain", "--in-use-file", "/dev/null");

        Assert.Equal(3, result.Lines.Length);
        Assert.All(result.Lines, line => Assert.InRange(line.Length, 1, 80));
    }

    [Fact]
    public void A_narrow_terminal_loses_nothing()
    {
        Record(TimeSpan.FromDays(3), Id(1));
        TerminalWidth = 40;

        Assert.Contains("in 4 days", Run("explain", "--in-use-file", "/dev/null").Lines[1], StringComparison.Ordinal);
        Assert.Contains("000000000000", Run("list").Lines[1], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("list")]
    [InlineData("explain", "--in-use", "b")]
    [InlineData("prune", "--in-use", "b", "--dry-run")]
    [InlineData("prune", "--in-use", "b")]
    [InlineData("prune", "--in-use", "b", "--run", "false {}")]
    [InlineData("history")]
    [InlineData("history", "--runs")]
    public void Tables_fit_80_columns(params string[] command)
    {
        Variables["NO_COLOR"] = "1";
        Variables["PATH"] = Environment.GetEnvironmentVariable("PATH")!;
        Record(TimeSpan.FromMinutes(119 + (60 * 24 * 9)), new string('z', 300), Id(1), "b");
        Run("prune", "--in-use", "b", "--older-than", "199h");
        Time.Now += TimeSpan.FromMinutes(119);
        Record(TimeSpan.FromMinutes(119 + (60 * 24 * 7)), "expired-" + new string('x', 300));
        Record(TimeSpan.FromMinutes(119), new string('y', 300), Id(2), "b");

        var result = Run(command);

        Assert.InRange(result.Lines.Length, 2, 6);
        Assert.All(result.Lines, line => Assert.InRange(line.Length, 1, 80));
    }

    [Fact]
    public void Check_fits_80_columns_except_for_paths()
    {
        Variables["NO_COLOR"] = "1";
        Record(TimeSpan.FromDays(20_000), "in-1971");

        Assert.Matches(@"^images +1$", Run("check").Lines[1].TrimEnd());
        Assert.All(
            Run("check").Lines.Where(line => !line.Contains('/', StringComparison.Ordinal)),
            line => Assert.InRange(line.TrimEnd().Length, 1, 80));
    }

    [Fact]
    public void No_trunc_shows_ids_in_full_on_one_line()
    {
        Record(TimeSpan.Zero, Id(1));

        Assert.Contains(Id(1), Run("list", "--no-trunc").Lines[1], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(null, true)]
    [InlineData("1", false)]
    public void Colours_are_shown_unless_NO_COLOR_is_set(string? noColor, bool colours)
    {
        if (noColor is not null)
            Variables["NO_COLOR"] = noColor;
        Record(TimeSpan.Zero, Id(1));

        Assert.Equal(colours, Run("explain", "--in-use", Id(2)).Output.Contains('\u001b', StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(0, "just now")]
    [InlineData(60, "1 minute ago")]
    [InlineData(7140, "119 minutes ago")]
    [InlineData(86400 * 3, "3 days ago")]
    [InlineData(86400 * 365 * 3, "3 years ago")]
    public void An_age_is_shown_in_a_fitting_unit(int seconds, string age)
    {
        Record(TimeSpan.FromSeconds(seconds), Id(1));

        Assert.Contains($", {age}  ", Run("list").Lines[1], StringComparison.Ordinal);
    }
}
