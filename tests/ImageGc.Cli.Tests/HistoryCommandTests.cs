using System.Text.Json;

namespace ImageGc.Cli.Tests;

public sealed class HistoryCommandTests : CliTest
{
    private static readonly TimeSpan Day = TimeSpan.FromDays(1);

    [Fact]
    public void History_lists_when_and_why_each_image_was_removed_newest_prune_first()
    {
        Record(9 * Day, "a");
        Record(8 * Day, "c");
        Prune();
        Time.Now += Day;
        Record(2 * Day, "b");
        Prune("--older-than", "36h");

        Assert.Equal(
            [
                "b\t2026-02-28T12:00:00Z\t2026-03-02T12:00:00Z\t172800s\t129600s\t-\t-\t-\tmanual",
                "a\t2026-02-20T12:00:00Z\t2026-03-01T12:00:00Z\t777600s\t604800s\t-\t-\t-\tmanual",
                "c\t2026-02-21T12:00:00Z\t2026-03-01T12:00:00Z\t691200s\t604800s\t-\t-\t-\tmanual",
            ],
            Run("history").Lines);
    }

    [Fact]
    public void History_on_a_terminal_is_for_people()
    {
        Record(9 * Day, Id(1));
        Describe(Id(1), 310_000_000, "app:1.4.2", "app@sha256:4bcf");
        Prune("--older-than", "36h");
        (TerminalWidth, Variables["NO_COLOR"]) = (80, "1");

        Assert.Equal(
            [
                "NAME       REMOVED (UTC)     UNUSED FOR  WHY      FREED  IMAGE ID",
                "app:1.4.2  2026-03-01 12:00  9 days      by hand  -      000000000000",
            ],
            Run("history").Lines.Select(line => line.TrimEnd()));
    }

    [Fact]
    public void History_in_json_counts_seconds()
    {
        Record(8 * Day, "a");
        Prune();

        var image = JsonDocument.Parse(Run("history", "--json").Output).RootElement[0];

        Assert.Equal(
            [
                "imageId", "lastUsedAt", "removedAt", "unusedForSeconds", "thresholdSeconds", "kind", "names",
                "sizeBytes", "freedBytes", "freedBy",
            ],
            image.EnumerateObject().Select(property => property.Name));
        Assert.Equal(691200, image.GetProperty("unusedForSeconds").GetInt64());
    }

    [Theory]
    [InlineData("sha256:abcd000000000000000000000000000000000000000000000000000000000001")]
    [InlineData("abcd000000000000000000000000000000000000000000000000000000000001")]
    [InlineData("sha256:abcd00000000")]
    [InlineData("abcd")]
    public void History_finds_an_image_by_its_ID_in_every_printed_form(string written)
    {
        Record(8 * Day, "sha256:abcd000000000000000000000000000000000000000000000000000000000001", Id(1));
        Prune();

        Assert.StartsWith("sha256:abcd", Assert.Single(Run("history", written).Lines), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("app:1.4.2")]
    [InlineData("docker.io/library/app:1.4.2")]
    [InlineData("app")]
    public void History_finds_a_removed_image_by_its_name(string written)
    {
        Record(8 * Day, Id(1), Id(2));
        Describe(Id(1), 310_000_000, "app:1.4.2");
        Describe(Id(2), null, "other:1");
        Prune();

        Assert.Equal(
            [
                $"{Id(1)}\t2026-02-21T12:00:00Z\t2026-03-01T12:00:00Z\t691200s\t604800s\t-\t310000000\tapp:1.4.2"
                + "\tmanual",
            ],
            Run("history", written).Lines);
    }

    [Fact]
    public void History_of_an_unknown_name_suggests_the_nearest_name()
    {
        Record(8 * Day, Id(1));
        Describe(Id(1), null, "registry/App:1");
        Prune();

        var result = Run("history", "registry/aap:1");

        Assert.Equal(ExitCode.Failed, result.ExitCode);
        Assert.Contains(
            "It is not tracked either. Did you mean 'registry/App:1'? To list the tracked images, run", result.Error,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("abc")]
    [InlineData("sha256:")]
    [InlineData("ABCD")]
    [InlineData("abce")]
    public void History_of_an_image_that_was_never_removed_is_an_error(string written)
    {
        Record(8 * Day, "sha256:abcd000000000000000000000000000000000000000000000000000000000001");
        Prune();

        var result = Run("history", written);

        Assert.Equal((ExitCode.Failed, ""), (result.ExitCode, result.Output));
        Assert.Contains($"removal of '{written}'. It is not tracked either.", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void History_says_if_the_image_is_tracked()
    {
        Record(8 * Day, "back");
        Prune();
        Record(Day, "back", "stayed");

        Assert.Contains("stayed is still tracked, last used 2026-02-28T12:00:00Z.",
            Run("history", "stayed").Error, StringComparison.Ordinal);
        Assert.Contains("back is tracked now, last used 2026-02-28T12:00:00Z.",
            Run("history", "back").Error, StringComparison.Ordinal);
    }

    [Fact]
    public void History_lists_the_prunes_themselves()
    {
        Variables["PATH"] = Environment.GetEnvironmentVariable("PATH")!;
        Record(8 * Day, "a", "b");
        Prune("--run", "false {}");
        Time.Now += Day;
        Prune();

        Assert.Equal(
            ["2026-03-02T12:00:00Z\t604800s\t2\t2\t0\t-\tmanual", "2026-03-01T12:00:00Z\t604800s\t2\t0\t2\t-\tmanual"],
            Run("history", "--runs").Lines);
        var runs = JsonDocument.Parse(Run("history", "--runs", "--json").Output).RootElement;
        Assert.Equal(2, runs[1].GetProperty("failed").GetInt32());
        Assert.Equal(ExitCode.Usage, Run("history", "a", "--runs").ExitCode);
        TerminalWidth = 80;
        Assert.Equal(
            [
                "PRUNED (UTC)      THRESHOLD  TRACKED  REMOVED  FAILED  FREED  WHY",
                "2026-03-02 12:00  7d         2        2        0       -      by hand",
                "2026-03-01 12:00  7d         2        0        2       -      by hand",
            ],
            Run("history", "--runs").Lines.Select(line => line.TrimEnd()));
    }

    [Fact]
    public void Check_shows_the_last_prune()
    {
        Record(8 * Day, "a");
        Assert.Contains("last-prune\tnone", Run("check").Lines);
        Assert.Equal(JsonValueKind.Null, LastPruneInJson().ValueKind);

        Prune();

        Assert.Contains("last-prune\t2026-03-01T12:00:00Z", Run("check").Lines);
        Assert.Contains("last-prune-removed\t1", Run("check").Lines);
        Assert.Equal("2026-03-01T12:00:00Z", LastPruneInJson().GetProperty("prunedAt").GetString());
    }

    private JsonElement LastPruneInJson() =>
        JsonDocument.Parse(Run("check", "--json").Output).RootElement.GetProperty("lastPrune");

    private void Prune(params string[] options) => Run(["prune", "--in-use-file", "/dev/null", .. options]);
}
