namespace ImageGc.Cli.Tests;

public sealed class DurationTests : CliTest
{
    [Theory]
    [InlineData("0", "2026-03-01T12:00:00Z")]
    [InlineData("30s", "2026-03-01T12:00:30Z")]
    [InlineData("90m", "2026-03-01T13:30:00Z")]
    [InlineData("12h", "2026-03-02T00:00:00Z")]
    [InlineData("7d", "2026-03-08T12:00:00Z")]
    [InlineData("3w", "2026-03-22T12:00:00Z")]
    [InlineData("10675199d", "9999-12-31T23:59:59Z")]
    public void A_duration_is_read_as_people_write_it(string duration, string prunableAt)
    {
        Record(TimeSpan.Zero, Id(1));

        Assert.Contains($"\t{prunableAt}\t", Explain(duration).Lines[0], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("7")]
    [InlineData("d")]
    [InlineData("-1d")]
    [InlineData("1.5h")]
    [InlineData("7D")]
    [InlineData("1 d")]
    [InlineData("1d12h")]
    [InlineData("10675200d")]
    [InlineData("9223372036854775807w")]
    [InlineData("99999999999999999999s")]
    public void Any_other_duration_is_a_usage_error_that_names_the_forms(string duration)
    {
        var result = Explain(duration);

        Assert.Equal(ExitCode.Usage, result.ExitCode);
        Assert.Contains("30s, 90m, 12h, 7d or 3w, or just 0", result.Error, StringComparison.Ordinal);
    }

    private Result Explain(string duration) => Run("explain", "--in-use-file", "/dev/null", "--older-than", duration);
}
