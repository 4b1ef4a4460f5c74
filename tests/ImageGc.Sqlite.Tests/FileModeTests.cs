namespace ImageGc.Sqlite.Tests;

/// <summary>Only the owner can read which images a device has, whatever umask the runtime was started with.</summary>
public sealed class FileModeTests : StoreTest
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    [Theory]
    [InlineData("000")]
    [InlineData("022")]
    [InlineData("077")]
    public void Database_log_index_and_export_are_accessible_to_their_owner_only(string umask)
    {
        using var other = new OtherProcess(umask);

        Assert.Equal("ok", other.Ask("export", DatabasePath, PathOf("export")));
        Assert.Equal("ok", other.Ask("hold", DatabasePath));

        OwnersOnly("export", "image_use.db", "image_use.db-shm", "image_use.db-wal");
    }

    [Theory]
    [InlineData("000")]
    [InlineData("022")]
    [InlineData("077")]
    public void Salvaged_and_kept_files_are_accessible_to_their_owner_only(string umask)
    {
        Open().Dispose();
        using (var file = File.OpenWrite(DatabasePath))
            file.Write(new byte[16]);
        File.WriteAllText($"{DatabasePath}-wal", "the log of the damaged file");
        File.SetUnixFileMode($"{DatabasePath}-wal", OwnerOnly);
        using var other = new OtherProcess(umask);

        Assert.Equal("ok", other.Ask("hold", DatabasePath));

        var kept = Path.GetFileName(Assert.Single(Directory.GetFiles(PathOf(""), "*.corrupt-*Z")));
        OwnersOnly("image_use.db", "image_use.db-shm", "image_use.db-wal", kept, $"{kept}-wal");
    }

    [Theory]
    [InlineData("000")]
    [InlineData("022")]
    public void The_lock_for_those_who_remove_images_is_for_its_owner_only(string umask)
    {
        using var other = new OtherProcess(umask);

        other.Tell("lock-prunes", DatabasePath);

        Assert.Equal("locked", other.Answer());
        Assert.Equal(OwnerOnly, File.GetUnixFileMode($"{DatabasePath}.run"));
    }

    private void OwnersOnly(params string[] files)
    {
        var modes = Directory.GetFiles(PathOf("")).Order(StringComparer.Ordinal)
            .Select(path => (Path.GetFileName(path), File.GetUnixFileMode(path)));
        Assert.Equal(files.Select(file => (file, OwnerOnly)), modes);
    }
}
