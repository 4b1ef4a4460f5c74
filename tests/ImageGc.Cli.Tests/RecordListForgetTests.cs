using System.Text.Json;

namespace ImageGc.Cli.Tests;

public sealed class RecordListForgetTests : CliTest
{
    [Fact]
    public void Record_creates_the_database_and_prints_the_ids()
    {
        var result = Run("record", "--as-is", Id(1), "@nginx");

        Assert.Equal([Id(1), "@nginx"], result.Lines);
        Assert.Equal(["@nginx", Id(1)], TrackedIds());
    }

    [Fact]
    public void Record_of_an_invalid_ID_is_a_usage_error_and_records_nothing()
    {
        Assert.Equal(ExitCode.Usage, Run("record", Id(1), "two words").ExitCode);
        Assert.False(File.Exists(DatabasePath));
    }

    [Fact]
    public void List_prints_a_line_for_each_image_oldest_use_first()
    {
        Record(TimeSpan.FromDays(1), Id(1));
        Record(TimeSpan.FromDays(2), Id(2));

        Describe(Id(1), 310_000_000, "app:1", "app@sha256:4bcf");

        Assert.Equal(
            [
                $"{Id(2)}\t2026-02-27T12:00:00Z\t-\t-",
                $"{Id(1)}\t2026-02-28T12:00:00Z\t310000000\tapp:1,app@sha256:4bcf",
            ],
            Run("list").Lines);
    }

    [Fact]
    public void List_in_json_has_stable_names()
    {
        Record(TimeSpan.Zero, Id(1));

        var image = JsonDocument.Parse(Run("list", "--json").Output).RootElement[0];

        Assert.Equal(
            ["imageId", "lastUsedAt", "names", "sizeBytes"],
            image.EnumerateObject().Select(property => property.Name));
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
    [InlineData("app:1")]
    [InlineData("docker.io/library/app:1")]
    [InlineData("0000000000")]
    public void Forget_takes_a_name_or_the_first_digits(string written)
    {
        Record(TimeSpan.Zero, Id(1), $"sha256:1{new string('0', 63)}");
        Describe(Id(1), null, "app:1");

        Assert.Equal([Id(1)], Run("forget", written).Lines);
        Assert.Single(TrackedIds());
    }

    [Fact]
    public void Forget_of_an_ambiguous_name_forgets_none_and_lists_the_matches()
    {
        Record(TimeSpan.Zero, Id(1), Id(2));
        Describe(Id(1), null, "app:1");
        Describe(Id(2), null, "app:2");

        var result = Run("forget", "app");

        Assert.Equal(ExitCode.Failed, result.ExitCode);
        Assert.Equal(
            "imagegc: 'app' matches 2 tracked images: 000000000000 (app:1), 000000000000 (app:2). Use the ID of one of "
            + "them.",
            result.Error.Trim());
        Assert.Equal(2, TrackedIds().Count());
    }
}
