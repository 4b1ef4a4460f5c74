using ImageGc.Sqlite;

namespace ImageGc.Cli.Tests;

/// <summary>Prunes of the built program while other processes change the database, and after a kill.</summary>
public sealed class PruneTroubleTests : CliTest
{
    [Fact]
    public async Task Images_that_a_daemon_forgets_as_soon_as_they_are_gone_were_removed_and_are_in_the_history()
    {
        Record(TimeSpan.Zero, "a", "b", "c");
        var command = ScriptOf($"'{BuiltProgramTests.Program}' forget $1 --db '{DatabasePath}'");

        var (exitCode, output, error) = await Prune(command);

        Assert.Equal(ExitCode.Done, exitCode);
        Assert.Equal(3, output.Split('\n').Count(line => line.StartsWith("removed\t", StringComparison.Ordinal)));
        Assert.Contains("Removed 3 expired images. Remaining: 0.", error, StringComparison.Ordinal);
        Assert.Equal(["a", "b", "c"], History());
        Assert.Empty(TrackedIds());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_prune_that_is_killed_is_completed_by_the_next_one_and_each_image_is_in_the_history_once(
        bool foundGone)
    {
        string[] images = [.. Enumerable.Range(1, 12).Select(Id)];
        Record(TimeSpan.Zero, images);
        var engine = PathOf("removed");
        var command = ScriptOf($"echo $1 >> '{engine}'; test $(wc -l < '{engine}') != 7 || kill -9 $PPID");

        var killed = await Prune(command);
        var removed = File.ReadAllLines(engine);
        if (foundGone)
            ForgetGone(removed);
        var completed = await Prune(command);

        Assert.Equal((137, 7), (killed.ExitCode, removed.Length));
        Assert.Equal(ExitCode.Done, completed.ExitCode);
        Assert.Equal(images, File.ReadAllLines(engine).Distinct().Order());
        Assert.Equal(images, History());
        Assert.Empty(TrackedIds());
    }

    private Task<(int ExitCode, string Output, string Error)> Prune(string command) => BuiltProgramTests.Start(
        $"'{BuiltProgramTests.Program}' prune --db '{DatabasePath}' --in-use-file /dev/null --older-than 0 "
        + $"--run '{command} {{}}'");

    private IEnumerable<string> History() => Run("history").Lines.Select(line => line.Split('\t')[0]).Order();

    /// <summary>Forgets images that the engine no longer has, as a daemon does at its start.</summary>
    private void ForgetGone(string[] removed)
    {
        using var store = ImageUseStore.Open(new ImageUseStoreOptions { DatabasePath = DatabasePath }, Time);
        store.ForgetGone([.. store.List().Where(image => removed.Contains(image.ImageId))]);
    }
}
