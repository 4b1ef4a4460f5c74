using Microsoft.Extensions.Logging;

namespace ImageGc.Sqlite.Tests;

/// <summary>The flat file that the options name is imported at the first start.</summary>
public sealed class ImportFlatFileOnceTests : StoreTest
{
    private static readonly string Line = $"{Id(1)} {SteppingTime.Start.ToUnixTimeSeconds() - 1}\n";

    private string FlatFilePath => PathOf("image_use");

    [Fact]
    public void Open_imports_the_flat_file_once_and_renames_it()
    {
        File.WriteAllText(FlatFilePath, Line);

        using (var store = Open(options => options.FlatFilePath = FlatFilePath))
            Assert.Equal(Id(1), Assert.Single(store.List()).ImageId);

        Assert.False(File.Exists(FlatFilePath));
        Assert.True(File.Exists(FlatFilePath + ".imported"));
        Assert.Single(Open(options => options.FlatFilePath = FlatFilePath).List());
    }

    [Fact]
    public void A_second_flat_file_is_imported_and_renamed_beside_the_first()
    {
        File.WriteAllText(FlatFilePath + ".imported", "kept");
        File.WriteAllText(FlatFilePath, Line);

        var store = Open(options => options.FlatFilePath = FlatFilePath);

        Assert.Equal(Id(1), Assert.Single(store.List()).ImageId);
        Assert.Equal("kept", File.ReadAllText(FlatFilePath + ".imported"));
        Assert.True(File.Exists(FlatFilePath + ".imported-20260301T120000Z"));
    }

    [Fact]
    public void A_flat_file_that_cannot_be_renamed_is_imported_with_a_warning()
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

    [Fact]
    public void Empty_missing_and_special_files_are_left_in_place()
    {
        File.WriteAllText(FlatFilePath, "");
        File.CreateSymbolicLink(PathOf("null"), "/dev/null");
        Shell.Run("mkfifo", PathOf("pipe"));

        foreach (var nothing in (string[])[FlatFilePath, PathOf("null"), PathOf("pipe"), PathOf("missing")])
            Open(options => options.FlatFilePath = nothing).Dispose();

        Assert.Empty(Directory.GetFiles(PathOf(""), "*.imported*"));
        Assert.All((string[])[FlatFilePath, PathOf("null"), PathOf("pipe")], path => Assert.True(Path.Exists(path)));
    }

    [Fact]
    public void A_file_without_any_image_is_left_in_place_and_logged_as_an_error()
    {
        var passwd = PathOf("passwd");
        File.Copy("/etc/passwd", passwd);
        var log = new RecordingLog();

        using var store = ImageUseStore.Open(
            new ImageUseStoreOptions { DatabasePath = DatabasePath, FlatFilePath = passwd }, Time, log);

        Assert.True(File.Exists(passwd));
        Assert.False(File.Exists($"{passwd}.imported"));
        Assert.Contains($"No line of {passwd} is an image", Assert.Single(log.Messages(LogLevel.Error)),
            StringComparison.Ordinal);
    }

    [Fact]
    public void Stores_that_import_the_same_flat_file_at_once_log_no_warning()
    {
        for (var round = 0; round < 20; round++)
        {
            var path = PathOf($"{round}.db");
            var flatFile = PathOf($"{round}.image_use");
            File.WriteAllText(flatFile, Line);
            Open(options => options.DatabasePath = path).Dispose();
            var log = new RecordingLog();

            Parallel.For(0, 6, _ => ImageUseStore.Open(
                new ImageUseStoreOptions { DatabasePath = path, FlatFilePath = flatFile }, Time, log).Dispose());

            Assert.Empty(log.Messages(LogLevel.Warning));
            Assert.Single(Open(options => options.DatabasePath = path).List());
            Assert.False(File.Exists(flatFile));
            Assert.True(File.Exists($"{flatFile}.imported"));
        }
    }

    [Fact]
    public void A_directory_is_refused_as_a_flat_file() =>
        Assert.Equal(StoreErrorReason.FlatFile, Assert.Throws<ImageUseStoreException>(
            () => Open(options => options.FlatFilePath = PathOf(""))).Reason);

    [Fact]
    public void The_database_itself_is_refused_as_a_flat_file_and_not_created()
    {
        var exception = Assert.Throws<ArgumentException>(() => Open(options => options.FlatFilePath = DatabasePath));

        Assert.Equal("FlatFilePath", exception.ParamName);
        Assert.False(File.Exists(DatabasePath));
    }

    [Fact]
    public async Task An_import_that_waits_for_a_pipe_does_not_block_recording()
    {
        Shell.Run("mkfifo", FlatFilePath);
        var store = Open();
        FlatFileImport? imported = null;
        var import = Wait.StartUntilAsleep(
            () => imported = store.ImportFlatFile(FlatFilePath), "the import waits for a line in the pipe");

        store.RecordUse(Id(2));

        Assert.False(import.IsCompleted);
        await File.WriteAllTextAsync(FlatFilePath, Line, TestContext.Current.CancellationToken);
        await Wait.ForAsync(import, "the import has read the pipe");
        Assert.Equal(1, imported!.Images);
    }

    [Fact]
    public void An_imported_flat_file_is_never_overwritten_by_another_one()
    {
        var flatFile = PathOf("image_use");
        File.WriteAllText(flatFile + ".imported", "first");
        File.WriteAllText(flatFile + ".imported-20260301T120000Z", "second");
        File.WriteAllText(flatFile, $"{Id(1)} {SteppingTime.Start.ToUnixTimeSeconds() - 1}\n");

        Assert.Single(Open(options => options.FlatFilePath = flatFile).List());

        Assert.Equal("first", File.ReadAllText(flatFile + ".imported"));
        Assert.Equal("second", File.ReadAllText(flatFile + ".imported-20260301T120000Z"));
        Assert.True(File.Exists(flatFile));
    }
}
