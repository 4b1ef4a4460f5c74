using System.Text.Json;

namespace ImageGc.Cli.Tests;

public sealed class TrackingTests : CliTest
{
    [Fact]
    public void Record_creates_the_database_and_prints_the_ids()
    {
        var result = Run("record", Id(1), "@nginx");

        Assert.Equal([Id(1), "@nginx"], result.Lines);
        Assert.Equal(["@nginx", Id(1)], TrackedIds());
    }

    [Fact]
    public void Record_of_something_that_is_no_id_is_a_usage_error_and_records_nothing()
    {
        Assert.Equal(ExitCode.Usage, Run("record", Id(1), "two words").ExitCode);
        Assert.False(File.Exists(DatabasePath));
    }

    [Fact]
    public void List_prints_a_line_for_each_image_oldest_use_first()
    {
        Record(TimeSpan.FromDays(1), Id(1));
        Record(TimeSpan.FromDays(2), Id(2));

        Assert.Equal([$"{Id(2)}\t2026-02-27T12:00:00Z", $"{Id(1)}\t2026-02-28T12:00:00Z"], Run("list").Lines);
    }

    [Fact]
    public void List_in_json_has_stable_names()
    {
        Record(TimeSpan.Zero, Id(1));

        var image = JsonDocument.Parse(Run("list", "--json").Output).RootElement[0];

        Assert.Equal(["imageId", "lastUsedAt"], image.EnumerateObject().Select(property => property.Name));
        Assert.Equal("2026-03-01T12:00:00Z", image.GetProperty("lastUsedAt").GetString());
    }

    [Fact]
    public void Forget_forgets_the_others_when_one_is_not_tracked()
    {
        Record(TimeSpan.Zero, Id(1), Id(2), Id(3));

        var result = Run("forget", Id(1), "nobody", Id(2));

        Assert.Equal(ExitCode.Failed, result.ExitCode);
        Assert.Equal([Id(1), Id(2)], result.Lines);
        Assert.Contains("'nobody' is not tracked", result.Error, StringComparison.Ordinal);
        Assert.Equal([Id(3)], TrackedIds());
    }

    [Theory]
    [InlineData("import")]
    [InlineData("export")]
    public void The_database_is_no_flat_file(string command)
    {
        Run("record", Id(1));

        var result = Run(command, DatabasePath);

        Assert.Equal(ExitCode.Failed, result.ExitCode);
        Assert.Contains("belongs to the database; name another file", result.Error, StringComparison.Ordinal);
        Assert.Equal([Id(1)], TrackedIds());
    }

    [Fact]
    public void Export_is_what_import_reads()
    {
        Record(TimeSpan.FromDays(1), Id(1));

        Assert.Equal(ExitCode.Done, Run("export", PathOf("flat")).ExitCode);
        Assert.Equal(ExitCode.Done, RunAnywhere("import", PathOf("flat"), "--db", PathOf("other.db")).ExitCode);

        Assert.Equal(Run("list").Output, RunAnywhere("list", "--db", PathOf("other.db")).Output);
        Assert.Equal(ExitCode.Failed, Run("export", PathOf("flat")).ExitCode);
    }

    [Fact]
    public void Import_of_a_missing_file_or_of_the_database_creates_nothing()
    {
        Assert.Equal(ExitCode.Failed, Run("import", PathOf("missing")).ExitCode);
        Assert.Equal(ExitCode.Usage, Run("import", "").ExitCode);
        Assert.Equal(ExitCode.Usage, Run("export", " ").ExitCode);
        Assert.False(File.Exists(DatabasePath));
    }

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
        Assert.Contains($"There is no database '{DatabasePath}'. Name one with --db PATH or IMAGEGC_DB", result.Error, StringComparison.Ordinal);
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
    public void A_file_that_is_not_ours_is_an_error_without_a_stack_trace()
    {
        FileOf("a letter", "image_use.db");

        var result = Run("list");

        Assert.Equal(ExitCode.Failed, result.ExitCode);
        Assert.Single(result.Error.TrimEnd().Split('\n'));
        Assert.Equal("a letter", File.ReadAllText(DatabasePath));
    }
}
