namespace ImageGc.Cli.Tests;

public sealed class ProgressTests : CliTest
{
    [Fact]
    public void A_slow_operation_is_named_on_a_terminal()
    {
        ErrorIsTerminal = Time.Slow = true;

        var result = Run("import", Path.Combine(AppContext.BaseDirectory, "data", "image_use"));

        Assert.Contains("Opening the database", result.Error, StringComparison.Ordinal);
        Assert.Contains("Importing /", result.Error, StringComparison.Ordinal);
        Assert.Contains("Reading the whole database...\n", Run("check").Error, StringComparison.Ordinal);
        Time.Slow = false;
        Assert.Empty(Run("check").Error);
    }

    [Fact]
    public void A_prune_shows_its_progress_on_a_terminal()
    {
        ErrorIsTerminal = true;
        Record(TimeSpan.FromDays(9), "a");
        Record(TimeSpan.FromDays(8), "b");

        var error = Prune();

        Assert.Contains("Removing 1 of 2: a\n", error, StringComparison.Ordinal);
        Assert.Contains("Removing 2 of 2: b\n", error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_script_gets_no_progress()
    {
        Time.Slow = true;
        Record(TimeSpan.FromDays(8), "a");

        Assert.DoesNotContain("Removing", Prune(), StringComparison.Ordinal);
        Assert.Empty(Run("check").Error);
        ErrorIsTerminal = true;
        Assert.Empty(Run("check", "--json").Error);
    }

    private string Prune() => Run("prune", "--in-use-file", "/dev/null", "--run", $"{ScriptOf("true")} {{}}").Error;
}
