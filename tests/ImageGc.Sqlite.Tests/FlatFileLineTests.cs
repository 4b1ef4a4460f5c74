namespace ImageGc.Sqlite.Tests;

/// <summary>Which lines of a flat file are read, and which times in them are plausible.</summary>
public sealed class FlatFileLineTests : StoreTest
{
    private string FlatFilePath => PathOf("image_use");

    private static long Seconds(DateTimeOffset time) => time.ToUnixTimeSeconds();

    [Fact]
    public void A_time_is_plausible_from_the_first_second_of_2015_until_now()
    {
        var store = Open();
        store.RecordUse(Id(3));
        Time.Pass(TimeSpan.FromSeconds(10));
        var earliest = Seconds(new DateTimeOffset(2015, 1, 1, 0, 0, 0, TimeSpan.Zero));
        var now = Seconds(Time.GetUtcNow());
        File.WriteAllText(FlatFilePath,
            $"{Id(1)} {earliest - 1}\n{Id(2)} {earliest}\n{Id(3)} {now}\n{Id(4)} {now + 1}\n"
            + $"{Id(5)} 253402300799\n{Id(6)} 253402300800\n");

        var import = store.ImportFlatFile(FlatFilePath);

        Assert.Equal((5, 5, 3, 1), (import.Images, import.Changed, import.Implausible, import.Skipped));
        Assert.Equal([now, earliest, now, now, now],
            Enumerable.Range(1, 5).Select(number => Seconds(store.Find(Id(number))!.Value.LastUsedAt)));
    }

    [Fact]
    public void A_torn_last_line_that_cannot_be_read_is_reported_with_its_number()
    {
        File.WriteAllText(FlatFilePath, $"{Id(1)} {Seconds(SteppingTime.Start)}\n{Id(2)}");

        Assert.Equal([2], Open().ImportFlatFile(FlatFilePath).SkippedLines.Select(line => line.Number));
    }

    [Fact]
    public void A_line_of_2048_bytes_is_read_and_a_longer_one_is_not()
    {
        var line = $"{Id(1)} {Seconds(SteppingTime.Start)} ";
        File.WriteAllText(FlatFilePath, $"{line.PadRight(2048, 'x')}\n{line.PadRight(2049, 'x')}\n");

        var import = Open().ImportFlatFile(FlatFilePath);

        Assert.Equal(new SkippedLine(2, "is longer than 2048 bytes"), Assert.Single(import.SkippedLines));
    }

    [Fact]
    public void Each_skipped_line_is_reported_with_its_reason()
    {
        File.WriteAllBytes(FlatFilePath, [0xff, (byte)'\n', .. "\n \n 1\na\na \na x\na -1\na 253402300800\n"u8]);

        Assert.Equal(
            [
                new(1, "is not UTF-8"), new(2, "is blank"), new(3, "is blank"),
                new(4, "does not start with an image ID"),
                new(5, "has no space between image ID and time"), new(6, "has a time that is not a number of seconds"),
                new(7, "has a time that is not a number of seconds"),
                new(8, "has a time that is not a number of seconds"),
                new(9, "has a time beyond the year 9999"),
            ],
            Open().ImportFlatFile(FlatFilePath).SkippedLines);
    }
}
