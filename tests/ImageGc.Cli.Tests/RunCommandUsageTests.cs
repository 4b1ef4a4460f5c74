namespace ImageGc.Cli.Tests;

/// <summary>Errors of `imagegc run` before it asks an engine. `RunCommandTests` tests it with a real engine.</summary>
public sealed class RunCommandUsageTests : CliTest
{
    [Theory]
    [InlineData("--older-than", "7days")]
    [InlineData("--cleanup-time", "25:00")]
    [InlineData("--every", "often")]
    [InlineData("--every", "0")]
    [InlineData("--engine", "docker")]
    [InlineData("--engine", "tcp://user:secret@127.0.0.1:2375")]
    [InlineData("--owner-label", "=edge")]
    public void A_wrong_value_of_a_flag_is_reported_with_the_name_of_the_flag(string flag, string value)
    {
        var result = Run("run", "--once", flag, value);

        Assert.Equal(ExitCode.Usage, result.ExitCode);
        Assert.StartsWith($"imagegc: {flag} ", result.Error, StringComparison.Ordinal);
        Assert.EndsWith("Run 'imagegc run --help' for usage and examples.\n", result.Error, StringComparison.Ordinal);
        Assert.False(File.Exists(DatabasePath));
    }

    [Theory]
    [InlineData("CleanupTime", "25:00", "ImageGarbageCollection:CleanupTime is '25:00': use HH:MM")]
    [InlineData("CleanupTim", "03:00", "ImageGarbageCollection:CleanupTim is not a setting; the nearest is")]
    public void A_wrong_setting_in_the_file_is_reported_with_its_name_there(
        string name, string value, string complaint)
    {
        var config = FileOf($$"""{ "ImageGarbageCollection": { "{{name}}": "{{value}}" } }""");

        var result = Run("run", "--once", "--older-than", "3d", "--config", config);

        Assert.Equal(ExitCode.Failed, result.ExitCode);
        Assert.StartsWith($"imagegc: {complaint}", result.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--keep", "")]
    [InlineData("--owner-label", " ")]
    [InlineData("--engine", "")]
    public void An_empty_value_of_a_flag_is_a_usage_error(string flag, string value)
    {
        var result = Run("run", "--once", flag, value);

        Assert.Equal(ExitCode.Usage, result.ExitCode);
        Assert.StartsWith($"imagegc: {flag} needs a value.", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_without_the_section_is_refused()
    {
        var config = FileOf("""{ "ImageGarbageColection": { "KeepImages": [ "agent" ] } }""");

        var result = Run("run", "--once", "--config", config);

        Assert.Equal(ExitCode.Failed, result.ExitCode);
        Assert.Contains("has no section 'ImageGarbageCollection'", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_dry_run_creates_no_database()
    {
        var result = Run("run", "--dry-run", "--json");

        Assert.Equal((ExitCode.Done, "[]\n"), (result.ExitCode, result.Output));
        Assert.Contains("yet, so no image would be removed", Run("run", "--dry-run").Error, StringComparison.Ordinal);
        Assert.False(File.Exists(DatabasePath));
    }
}
