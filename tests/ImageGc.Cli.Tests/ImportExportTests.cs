namespace ImageGc.Cli.Tests;

public sealed class ImportExportTests : CliTest
{
    [Theory]
    [InlineData("import")]
    [InlineData("export")]
    public void Import_and_export_refuse_the_file_of_the_database(string command)
    {
        Run("record", Id(1));

        var result = Run(command, DatabasePath);

        Assert.Equal(ExitCode.Failed, result.ExitCode);
        Assert.Contains("belongs to the database. Nothing was changed.", result.Error, StringComparison.Ordinal);
        Assert.Equal([Id(1)], TrackedIds());
    }

    [Fact]
    public void Import_reads_what_export_wrote()
    {
        Record(TimeSpan.FromDays(1), Id(1));

        Assert.Equal(ExitCode.Done, Run("export", PathOf("flat")).ExitCode);
        Assert.Equal(ExitCode.Done, RunAnywhere("import", PathOf("flat"), "--db", PathOf("other.db")).ExitCode);

        Assert.Equal(Run("list").Output, RunAnywhere("list", "--db", PathOf("other.db")).Output);
        Assert.Equal(ExitCode.Failed, Run("export", PathOf("flat")).ExitCode);
    }

    [Fact]
    public void A_file_without_a_readable_line_is_not_imported_and_nothing_is_pruned()
    {
        File.WriteAllBytes(PathOf("noise"), [.. Enumerable.Range(0, 5000).Select(i => (byte)(i * 7))]);
        Record(TimeSpan.FromDays(8), "old");

        var result = Run("prune", "--in-use-file", "/dev/null", "--import", PathOf("noise"));

        Assert.Equal(ExitCode.Failed, result.ExitCode);
        Assert.Contains("is not a flat file: none of ", result.Error, StringComparison.Ordinal);
        Assert.Equal(["old"], TrackedIds());
    }

    [Fact]
    public void Import_of_a_missing_file_and_empty_paths_create_nothing()
    {
        Assert.Equal(ExitCode.Failed, Run("import", PathOf("missing")).ExitCode);
        Assert.Equal(ExitCode.Usage, Run("import", "").ExitCode);
        Assert.Equal(ExitCode.Usage, Run("export", " ").ExitCode);
        Assert.False(File.Exists(DatabasePath));
    }
}
