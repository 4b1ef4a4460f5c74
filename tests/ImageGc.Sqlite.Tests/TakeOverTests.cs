using Microsoft.Extensions.Logging;

namespace ImageGc.Sqlite.Tests;

/// <summary>The flat file that the options name is imported at the first start.</summary>
public sealed class TakeOverTests : StoreTest
{
    private static readonly string Line = $"{Id(1)} {SteppingTime.Start.ToUnixTimeSeconds() - 1}\n";

    private string FlatFilePath => PathOf("image_use");

    [Fact]
    public void Open_takes_the_flat_file_over_once_and_renames_it()
    {
        File.WriteAllText(FlatFilePath, Line);

        using (var store = Open(options => options.FlatFilePath = FlatFilePath))
            Assert.Equal(Id(1), Assert.Single(store.List()).ImageId);

        Assert.False(File.Exists(FlatFilePath));
        Assert.True(File.Exists(FlatFilePath + ".imported"));
        Assert.Single(Open(options => options.FlatFilePath = FlatFilePath).List());
    }

    [Fact]
    public void A_second_flat_file_is_taken_over_beside_the_first()
    {
        File.WriteAllText(FlatFilePath + ".imported", "kept");
        File.WriteAllText(FlatFilePath, Line);

        Open(options => options.FlatFilePath = FlatFilePath);

        Assert.Equal("kept", File.ReadAllText(FlatFilePath + ".imported"));
        Assert.True(File.Exists(FlatFilePath + ".imported-20260301T120000Z"));
    }

    [Fact]
    public void A_flat_file_that_cannot_be_renamed_is_imported_and_a_warning_says_so()
    {
        using var disk = SmallDisk.MountOrSkip();
        var flatFile = disk.PathOf("image_use");
        File.WriteAllText(flatFile, Line);
        disk.Remount("ro");
        var log = new RecordingLog();
        using var store = ImageUseStore.Open(
            new ImageUseStoreOptions { DatabasePath = DatabasePath, FlatFilePath = flatFile }, Time, log);

        Assert.Single(store.List());
        Assert.Contains("could not rename", Assert.Single(log.Messages(LogLevel.Warning)), StringComparison.Ordinal);
    }
}
