namespace ImageGc.Sqlite.Tests;

public sealed class SizeTextTests
{
    [Theory]
    [InlineData("2GB", 2_000_000_000)]
    [InlineData("2 GB", 2_000_000_000)]
    [InlineData("2gb", 2_000_000_000)]
    [InlineData("1.5GiB", 1_610_612_736)]
    [InlineData("512MB", 512_000_000)]
    [InlineData("4kB", 4_000)]
    [InlineData("4KiB", 4_096)]
    [InlineData("1B", 1)]
    [InlineData("0B", 0)]
    [InlineData("9EB", 9_000_000_000_000_000_000)]
    public void Sizes_are_parsed_in_the_forms_that_people_write(string text, long bytes)
    {
        Assert.True(SizeText.TryParse(text, out var read));
        Assert.Equal(bytes, read);
    }

    [Theory]
    [InlineData("")]
    [InlineData("2")]
    [InlineData("GB")]
    [InlineData("-2GB")]
    [InlineData("2GBB")]
    [InlineData("2iB")]
    [InlineData("2Gi")]
    [InlineData("2,5GB")]
    [InlineData("1e3MB")]
    [InlineData("10EB")]
    [InlineData("99999999999EB")]
    [InlineData("99999999999999999999999999999999EB")]
    public void Text_that_is_not_a_size_is_refused(string text)
    {
        Assert.False(SizeText.TryParse(text, out var bytes));
        Assert.Equal(0, bytes);
    }

    [Theory]
    [InlineData(0, "0 B")]
    [InlineData(999, "999 B")]
    [InlineData(1_000, "1 kB")]
    [InlineData(1_234, "1.23 kB")]
    [InlineData(45_600_000, "45.6 MB")]
    [InlineData(310_000_000, "310 MB")]
    [InlineData(999_499, "999 kB")]
    [InlineData(999_500, "1 MB")]
    [InlineData(long.MaxValue, "9.22 EB")]
    public void Sizes_are_formatted_with_three_digits(long bytes, string text) =>
        Assert.Equal(text, SizeText.Format(bytes));
}
