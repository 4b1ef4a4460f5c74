using System.Diagnostics;
using System.Text.Json;

namespace ImageGc.Cli.Tests;

public sealed class BackupCommandTests : CliTest
{
    private string Backup => PathOf("backup.db");

    [Fact]
    public void A_backup_is_a_database_with_the_same_images_and_says_so()
    {
        Record(TimeSpan.FromDays(8), Id(1));
        Record(TimeSpan.Zero, Id(2));

        var result = Run("backup", Backup);

        Assert.Equal((ExitCode.Done, ""), (result.ExitCode, result.Output));
        Assert.Contains($"Backed up the database to {Backup}.\n", result.Error, StringComparison.Ordinal);
        Assert.Equal(Run("list").Output, RunAnywhere("list", "--db", Backup).Output);
        Assert.Equal(ExitCode.Done, RunAnywhere("check", "--db", Backup).ExitCode);
    }

    [Fact]
    public async Task A_backup_works_while_another_process_writes_and_has_what_was_committed()
    {
        Record(TimeSpan.Zero, Id(1));
        using var writer = Process.Start(new ProcessStartInfo("sqlite3", [DatabasePath])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;
        writer.StandardInput.WriteLine("BEGIN IMMEDIATE; DELETE FROM image_use; SELECT 'writing';");
        await BuiltProgramTests.ReadUntil(writer.StandardOutput, "writing");

        var result = Run("backup", Backup);

        writer.StandardInput.WriteLine("COMMIT;");
        writer.StandardInput.Close();
        await ExitAsync(writer);
        Assert.Equal((ExitCode.Done, 0), (result.ExitCode, writer.ExitCode));
        Assert.StartsWith(Id(1), Assert.Single(RunAnywhere("list", "--db", Backup).Lines), StringComparison.Ordinal);
        Assert.Empty(TrackedIds());
    }

    [Fact]
    public void A_backup_in_json_names_the_file()
    {
        Record(TimeSpan.Zero, Id(1));

        var backup = JsonDocument.Parse(Run("backup", Backup, "--json").Output).RootElement;

        Assert.Equal(["path"], backup.EnumerateObject().Select(property => property.Name));
        Assert.Equal(Backup, backup.GetProperty("path").GetString());
    }

    [Fact]
    public void A_backup_overwrites_no_file()
    {
        Record(TimeSpan.Zero, Id(1));
        FileOf("mine", "backup.db");

        var result = Run("backup", Backup);

        Assert.Equal((ExitCode.Failed, ""), (result.ExitCode, result.Output));
        Assert.Contains($"Could not back up to '{Backup}'", result.Error, StringComparison.Ordinal);
        Assert.Contains("never overwritten. Choose another file name", result.Error, StringComparison.Ordinal);
        Assert.Equal("mine", File.ReadAllText(Backup));
    }

    [Theory]
    [InlineData("image_use.db")]
    [InlineData("image_use.db-wal")]
    [InlineData("image_use.db-shm")]
    public void A_backup_never_overwrites_the_files_of_its_own_database(string file)
    {
        Record(TimeSpan.Zero, Id(1));

        var result = Run("backup", PathOf(file));

        Assert.Equal((ExitCode.Failed, ""), (result.ExitCode, result.Output));
        Assert.Contains("belongs to the database. Nothing was changed.", result.Error, StringComparison.Ordinal);
        Assert.Equal([Id(1)], TrackedIds());
    }

    [Fact]
    public void A_backup_that_cannot_be_made_creates_nothing()
    {
        Assert.Equal(ExitCode.Failed, Run("backup", Backup).ExitCode);
        Assert.False(File.Exists(DatabasePath));

        Record(TimeSpan.Zero, Id(1));
        Assert.Equal(ExitCode.Failed, Run("backup", PathOf("missing/backup.db")).ExitCode);
        Assert.Equal(ExitCode.Usage, Run("backup", "").ExitCode);
        Assert.Equal(ExitCode.Usage, Run("backup").ExitCode);
        Assert.Equal(ExitCode.Usage, Run("backup", Backup, PathOf("second.db")).ExitCode);

        Assert.Equal(["image_use.db"],
            Directory.GetFileSystemEntries(PathOf("")).Select(Path.GetFileName).Where(IsNoLog));
    }

    private static bool IsNoLog(string? file) => file is not ("image_use.db-wal" or "image_use.db-shm");
}
