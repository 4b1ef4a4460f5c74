using System.Text.Json;

namespace ImageGc.Cli.Tests;

public sealed class PruneCommandTests : CliTest
{
    private static readonly TimeSpan Day = TimeSpan.FromDays(1);

    [Fact]
    public void Prune_prints_what_it_forgot_and_what_stays()
    {
        Record(8 * Day, Id(1), Id(2));
        Record(3 * Day, Id(3));

        var result = Run("prune", "--in-use", Id(2), Id(4));

        Assert.Equal(
            [
                $"expired\t{Id(1)}\t2026-02-21T12:00:00Z\t2026-02-28T12:00:00Z\t-\t-\t-",
                $"used-recently\t{Id(3)}\t2026-02-26T12:00:00Z\t2026-03-05T12:00:00Z\t-\t-\t-",
                $"in-use\t{Id(2)}\t2026-03-01T12:00:00Z\t2026-03-08T12:00:00Z\t-\t-\t-",
            ],
            result.Lines);
        Assert.Contains("Forgot 1 expired image. Remaining: 2. IDs given as in use: 2, not tracked: 1.",
            result.Error, StringComparison.Ordinal);
        Assert.Contains("Safer: --run 'docker rmi {}'", result.Error, StringComparison.Ordinal);
        Assert.Equal(ExitCode.Done, result.ExitCode);
        Assert.Equal([Id(2), Id(3)], TrackedIds());
    }

    [Fact]
    public void Prune_dry_run_changes_nothing_and_says_so()
    {
        Record(8 * Day, Id(1), Id(2));

        var result = Run("prune", "--in-use", Id(2), "--dry-run");

        Assert.StartsWith($"expired\t{Id(1)}\t", result.Output, StringComparison.Ordinal);
        Assert.StartsWith("Dry run, nothing was changed", result.Error, StringComparison.Ordinal);
        Assert.Equal([Id(1), Id(2)], TrackedIds());
        Assert.Contains("2026-02-21T12:00:00Z", Run("list").Lines[1], StringComparison.Ordinal);
    }

    [Fact]
    public void Prune_dry_run_says_how_much_it_would_free()
    {
        Record(8 * Day, Id(1), Id(2), Id(3));
        Describe(Id(1), 900_000_000, "app:1");
        Describe(Id(2), 310_000_000, "app:2");
        Describe(Id(3), 5_000_000, "app:3");

        Assert.StartsWith(
            "Dry run, nothing was changed: 2 images would be forgotten, which would free up to 1.21 GB. Remaining: 1. ",
            Run("prune", "--in-use", Id(3), "--dry-run").Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Prune_dry_run_cannot_import()
    {
        var result = Run("prune", "--in-use", "a", "--dry-run", "--import", FileOf("a 1\n"));

        Assert.Equal(ExitCode.Usage, result.ExitCode);
        Assert.Contains("--import cannot be combined", result.Error, StringComparison.Ordinal);
        Assert.False(File.Exists(DatabasePath));
    }

    [Fact]
    public void Prune_older_than_replaces_the_seven_days()
    {
        Record(2 * Day, Id(1));

        Assert.StartsWith("used-recently", Run("prune", "--in-use-file", "/dev/null").Output, StringComparison.Ordinal);
        Assert.StartsWith("expired",
            Run("prune", "--in-use-file", "/dev/null", "--older-than", "48h").Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Prune_in_json_names_every_image_and_says_nothing_else()
    {
        Record(8 * Day, Id(1));

        var result = Run("prune", "--in-use-file", "/dev/null", "--json");

        var image = JsonDocument.Parse(result.Output).RootElement.GetProperty("images")[0];
        Assert.Equal("Expired", image.GetProperty("reason").GetString());
        Assert.Equal(Id(1), image.GetProperty("imageId").GetString());
        Assert.Equal("2026-02-28T12:00:00Z", image.GetProperty("prunableAt").GetString());
        Assert.Empty(result.Error);
    }

    [Fact]
    public void Explain_changes_nothing()
    {
        Record(8 * Day, Id(1));
        var before = Run("list").Output;

        Assert.StartsWith("expired", Run("explain", "--in-use-file", "/dev/null").Output, StringComparison.Ordinal);
        Assert.StartsWith("in-use", Run("explain", "--in-use", Id(1)).Output, StringComparison.Ordinal);
        Assert.Equal(before, Run("list").Output);
    }

    [Fact]
    public void Pruning_the_sample_data_again_gives_the_same_result()
    {
        string[] command = ["prune", "--import", Sample("image_use"), "--in-use-file", Sample("in_use")];

        var first = Run(command);
        var second = Run(command);

        Assert.Equal(
            [
                "expired", "expired", "expired", "expired", "used-recently", "in-use", "in-use", "in-use",
            ],
            first.Lines.Select(line => line.Split('\t')[0]));
        Assert.Equal(first.Output, second.Output);
        Assert.Contains("Forgot 4 expired images. Remaining: 4. IDs given as in use: 4, not tracked: 1.",
            second.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Prune_import_leaves_the_flat_file_alone()
    {
        var flatFile = FileOf($"{Id(1)} 1700000000\nrubbish\n");

        var result = Run("prune", "--import", flatFile, "--in-use-file", "/dev/null");

        Assert.StartsWith($"expired\t{Id(1)}\t", result.Output, StringComparison.Ordinal);
        Assert.Contains($"warning: Skipped line 2 of {flatFile}", result.Error, StringComparison.Ordinal);
        Assert.Equal($"{Id(1)} 1700000000\nrubbish\n", File.ReadAllText(flatFile));
    }

    private static string Sample(string name) => Path.Combine(AppContext.BaseDirectory, "data", name);
}
