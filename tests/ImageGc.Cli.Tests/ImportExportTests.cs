namespace ImageGc.Cli.Tests;

public sealed class ImportExportTests : CliTest
{
    [Theory]
    [InlineData("import")]
    [InlineData("export")]
    public void The_database_is_no_flat_file(string command)
    {
        Run("record", Id(1));

        var result = Run(command, DatabasePath);

        Assert.Equal(ExitCode.Failed, result.ExitCode);
        Assert.Contains("belongs to the database. Nothing was changed.", result.Error, StringComparison.Ordinal);
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
    public void What_has_no_line_that_can_be_read_is_no_flat_file()
    {
        File.WriteAllBytes(PathOf("noise"), [.. Enumerable.Range(0, 5000).Select(i => (byte)(i * 7))]);
        Record(TimeSpan.FromDays(8), "old");

        var result = Run("prune", "--in-use-file", "/dev/null", "--import", PathOf("noise"));

        Assert.Equal(ExitCode.Failed, result.ExitCode);
        Assert.Contains("is not a flat file: none of ", result.Error, StringComparison.Ordinal);
        Assert.Equal(["old"], TrackedIds());
    }

    [Fact]
    public void Import_of_a_missing_file_or_of_the_database_creates_nothing()
    {
        Assert.Equal(ExitCode.Failed, Run("import", PathOf("missing")).ExitCode);
        Assert.Equal(ExitCode.Usage, Run("import", "").ExitCode);
        Assert.Equal(ExitCode.Usage, Run("export", " ").ExitCode);
        Assert.False(File.Exists(DatabasePath));
    }
}
