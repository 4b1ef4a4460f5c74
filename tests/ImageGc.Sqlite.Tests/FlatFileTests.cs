using System.Text;
using Microsoft.Extensions.Logging;

namespace ImageGc.Sqlite.Tests;

public sealed class FlatFileTests : StoreTest
{
    private string FlatFilePath => PathOf("image_use");

    private static long Seconds(DateTimeOffset time) => time.ToUnixTimeSeconds();

    [Fact]
    public void An_import_keeps_every_good_line_and_reports_every_bad_one_with_its_number()
    {
        var good = SteppingTime.Start.AddDays(-3);
        WriteLines(
            $"{Id(1)} {Seconds(good)}",
            "",
            "no-space-at-all",
            $"{Id(2)} 12x",
            $"{Id(3)} 99999999999999999999",
            $"{Id(4)}\0\0 {Seconds(good)}",
            $"{Id(5)} {Seconds(good)}\r",
            $"{Id(6)} {Seconds(good)}",
            $"{Id(6)} {Seconds(good) + 5}",
            $"{Id(6)} {Seconds(good) + 1}",
            $"{Id(7)} 16",
            $"{Id(8)} {Seconds(new DateTimeOffset(2999, 1, 1, 0, 0, 0, TimeSpan.Zero))}",
            $"{Id(9)} -5",
            $" {Seconds(good)}",
            $"{Id(10)} 999999999999");
        Append([0xff, 0xfe, (byte)' ', (byte)'1', (byte)'\n']);
        Append([.. Enumerable.Repeat((byte)'x', 5000), (byte)'\n']);
        Append(Encoding.UTF8.GetBytes($"{Id(11)} {Seconds(good)}\n"));
        Append(Encoding.UTF8.GetBytes($"{Id(12)} 17"));
        var store = Open();

        var import = store.ImportFlatFile(FlatFilePath);

        Assert.Equal(
            [
                new ImageUse(Id(1), good), new ImageUse(Id(11), good), new ImageUse(Id(5), good),
                new ImageUse(Id(6), good.AddSeconds(5)),
                new ImageUse(Id(12), SteppingTime.Start), new ImageUse(Id(7), SteppingTime.Start),
                new ImageUse(Id(8), SteppingTime.Start),
            ],
            store.List().OrderBy(image => image.LastUsedAt).ThenBy(image => image.ImageId == Id(11)
                ? Id(2) : image.ImageId == Id(12) ? Id(6) : image.ImageId, StringComparer.Ordinal));
        Assert.Equal([2, 3, 4, 5, 6, 13, 14, 15, 16, 17], import.SkippedLines.Select(line => line.Number));
        Assert.Equal((9, 8, 3, 10), (import.Images, import.Changed, import.Implausible, import.Skipped));
    }

    [Fact]
    public void Importing_again_changes_nothing()
    {
        WriteLines($"{Id(1)} {Seconds(SteppingTime.Start) - 100}", $"{Id(2)} 16");
        Append(Encoding.UTF8.GetBytes($"{Id(3)} 1"));
        var store = Open();
        store.ImportFlatFile(FlatFilePath);
        var images = store.List();
        Time.Pass(TimeSpan.FromHours(1));

        var again = store.ImportFlatFile(FlatFilePath);

        Assert.Equal(0, again.Changed);
        Assert.Equal(images, store.List());
        Assert.True(File.Exists(FlatFilePath));
    }

    [Fact]
    public void An_import_keeps_the_later_of_two_times()
    {
        var store = Open();
        store.RecordUse([Id(1), Id(2)]);
        Time.Pass(TimeSpan.FromHours(1));
        WriteLines($"{Id(1)} {Seconds(SteppingTime.Start) - 1}", $"{Id(2)} {Seconds(SteppingTime.Start) + 1}");

        store.ImportFlatFile(FlatFilePath);

        Assert.Equal(SteppingTime.Start, store.Find(Id(1))!.Value.LastUsedAt);
        Assert.Equal(SteppingTime.Start.AddSeconds(1), store.Find(Id(2))!.Value.LastUsedAt);
    }

    [Fact]
    public void An_implausible_time_never_changes_a_tracked_image()
    {
        var store = Open();
        store.RecordUse([Id(1), Id(2), Id(3)]);
        Time.Pass(TimeSpan.FromHours(1));
        WriteLines($"{Id(1)} 16", $"{Id(2)} 9999999999");
        Append(Encoding.UTF8.GetBytes($"{Id(3)} {Seconds(Time.GetUtcNow())}"));

        store.ImportFlatFile(FlatFilePath);

        Assert.All(store.List(), image => Assert.Equal(SteppingTime.Start, image.LastUsedAt));
    }

    [Fact]
    public void Fields_after_the_time_are_ignored_as_in_the_original()
    {
        WriteLines($"{Id(1)} {Seconds(SteppingTime.Start)} whatever");
        var store = Open();

        store.ImportFlatFile(FlatFilePath);

        Assert.Equal(SteppingTime.Start, store.Find(Id(1))!.Value.LastUsedAt);
    }

    [Fact]
    public void A_file_of_bad_lines_reports_all_in_number_and_the_first_ones_in_full()
    {
        File.WriteAllText(FlatFilePath, new string('\n', 5000));
        var log = new RecordingLog();
        using var store = ImageUseStore.Open(new ImageUseStoreOptions { DatabasePath = DatabasePath }, Time, log);

        var import = store.ImportFlatFile(FlatFilePath);

        Assert.Equal(5000, import.Skipped);
        Assert.Equal(FlatFileImport.MaxSkippedLines, import.SkippedLines.Count);
        Assert.Equal(FlatFileImport.MaxSkippedLines, log.Messages(LogLevel.Warning)
            .Count(message => message.Contains("Skipped line", StringComparison.Ordinal)));
    }

    [Fact]
    public void A_byte_order_mark_is_not_part_of_an_image_ID()
    {
        File.WriteAllText(FlatFilePath, $"{Id(1)} 1700000000\r\n", Encoding.UTF8);
        var store = Open();

        store.ImportFlatFile(FlatFilePath);

        Assert.Equal(Id(1), Assert.Single(store.List()).ImageId);
    }

    [Fact]
    public void An_endless_file_is_refused_and_nothing_of_it_is_imported()
    {
        var store = Open();

        var exception = Assert.Throws<ImageUseStoreException>(() => store.ImportFlatFile("/dev/zero"));

        Assert.Equal(StoreErrorReason.FlatFile, exception.Reason);
        Assert.Contains("larger than 16 MB", exception.Message, StringComparison.Ordinal);
        Assert.Empty(store.List());
    }

    [Fact]
    public void The_largest_file_is_read_in_constant_memory_even_if_it_is_a_single_line()
    {
        using var file = new OneLongLine(FlatFileFormat.MaxBytes);
        var before = GC.GetAllocatedBytesForCurrentThread();

        var line = Assert.Single(FlatFileFormat.Read(file));

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
        Assert.Equal("is longer than 2048 bytes", line.Error);
    }

    private sealed class OneLongLine(long length) : MemoryStream
    {
        private long _left = length;

        public override int ReadByte() => _left-- > 0 ? 'x' : -1;
    }

    [Fact]
    public void A_missing_flat_file_is_an_error_that_names_it()
    {
        var exception = Assert.Throws<ImageUseStoreException>(() => Open().ImportFlatFile(FlatFilePath));

        Assert.Equal(StoreErrorReason.FlatFile, exception.Reason);
        Assert.Contains(FlatFilePath, exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_export_has_the_format_of_the_original()
    {
        var store = Open();
        store.RecordUse(Id(2));
        Time.Pass(Second);
        store.RecordUse(Id(1));

        store.ExportFlatFile(FlatFilePath);

        var start = Seconds(SteppingTime.Start);
        Assert.Equal($"{Id(2)} {start}\n{Id(1)} {start + 1}\n", File.ReadAllText(FlatFilePath));
        Assert.Equal([FlatFilePath, DatabasePath, $"{DatabasePath}-shm", $"{DatabasePath}-wal"],
            Directory.GetFiles(Path.GetDirectoryName(DatabasePath)!).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void An_export_never_overwrites_a_file_and_leaves_none_behind_when_it_fails()
    {
        var store = Open();
        store.RecordUse(Id(1));
        File.WriteAllText(FlatFilePath, "kept");

        var exception = Assert.Throws<ImageUseStoreException>(() => store.ExportFlatFile(FlatFilePath));

        Assert.Equal(StoreErrorReason.FlatFile, exception.Reason);
        Assert.Equal("kept", File.ReadAllText(FlatFilePath));
        Assert.Throws<ImageUseStoreException>(() => store.ExportFlatFile(PathOf("missing/image_use")));
        Assert.Equal([FlatFilePath, DatabasePath, $"{DatabasePath}-shm", $"{DatabasePath}-wal"],
            Directory.GetFiles(PathOf("")).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void The_database_itself_is_refused_as_a_flat_file_even_through_a_link()
    {
        var store = Open();
        store.RecordUse(Id(1));
        File.CreateSymbolicLink(PathOf("link"), DatabasePath);
        Directory.CreateSymbolicLink(PathOf("linked"), Path.GetDirectoryName(DatabasePath)!);

        foreach (var path in (string[])[DatabasePath, $"{DatabasePath}-wal", $"{DatabasePath}-shm",
            $"{DatabasePath}-journal", PathOf("link"), PathOf("linked/image_use.db"),
            PathOf("linked/image_use.db-journal")])
        {
            Assert.Throws<ArgumentException>(() => store.ImportFlatFile(path));
            Assert.Throws<ArgumentException>(() => store.ExportFlatFile(path));
        }

        Assert.Single(store.List());
        Assert.False(File.Exists($"{DatabasePath}-journal"));
    }

    [Fact]
    public void A_blank_path_is_refused()
    {
        var store = Open();

        Assert.Throws<ArgumentException>(() => store.ImportFlatFile(" "));
        Assert.Throws<ArgumentException>(() => store.ExportFlatFile(" "));
    }

    [Fact]
    public void A_flat_file_that_its_writer_still_has_open_is_imported()
    {
        File.WriteAllText(FlatFilePath, $"{Id(1)} {Seconds(SteppingTime.Start)}\n");
        using var writer = new FileStream(FlatFilePath, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);

        Assert.Equal(1, Open().ImportFlatFile(FlatFilePath).Images);
    }

    private void WriteLines(params string[] lines) =>
        File.WriteAllText(FlatFilePath, string.Concat(lines.Select(line => line + "\n")));

    private void Append(byte[] bytes) => File.AppendAllBytes(FlatFilePath, bytes);

    [Fact]
    public void A_file_that_appears_while_one_of_the_same_name_is_written_is_not_overwritten()
    {
        var path = PathOf("export");

        Assert.Throws<IOException>(() => DatabaseFile.WriteNew(path, _ => File.WriteAllText(path, "theirs")));

        Assert.Equal("theirs", File.ReadAllText(path));
        Assert.Equal([path], Directory.GetFiles(PathOf("")));
    }
}
