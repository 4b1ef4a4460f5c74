namespace ImageGc.Sqlite.Tests;

/// <summary>A missing permission is a storage failure that says so, and leaves everything unchanged.</summary>
public sealed class PermissionTests : StoreTest
{
    private const UnixFileMode All = (UnixFileMode)0b111_111_111;
    private const UnixFileMode EnterAndWrite = (UnixFileMode)0b011_011_011;
    private const UnixFileMode EnterAndRead = (UnixFileMode)0b101_101_101;
    private const UnixFileMode ReadAndWrite = (UnixFileMode)0b110_110_110;

    [Fact]
    public void A_database_that_this_user_may_not_read_is_unavailable()
    {
        Open().Dispose();
        File.SetUnixFileMode(PathOf(""), All);

        Assert.Contains("this user may read and write both", Refused(StoreErrorReason.Unavailable),
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_database_that_this_user_may_not_write_is_read_only()
    {
        Open().Dispose();
        File.SetUnixFileMode(PathOf(""), All);
        File.SetUnixFileMode(DatabasePath, EnterAndRead);

        Assert.Contains("read-only for this user", Refused(StoreErrorReason.ReadOnly), StringComparison.Ordinal);
    }

    [Fact]
    public void A_directory_in_which_this_user_may_not_create_the_database_is_unavailable()
    {
        File.SetUnixFileMode(PathOf(""), EnterAndRead);

        Assert.Contains("write to its directory", Refused(StoreErrorReason.Unavailable), StringComparison.Ordinal);
    }

    [Fact]
    public void A_directory_that_cannot_be_synced_is_reported()
    {
        File.SetUnixFileMode(PathOf(""), EnterAndWrite);

        Assert.Contains("Permission denied", Refused(StoreErrorReason.Unavailable), StringComparison.Ordinal);
    }

    [Fact]
    public void A_damaged_database_stays_in_place_if_this_user_may_not_lock_its_directory()
    {
        Damaged();
        File.SetUnixFileMode(PathOf(""), EnterAndWrite);

        Assert.Contains("replacing it failed", Refused(StoreErrorReason.Corrupt), StringComparison.Ordinal);
    }

    [Fact]
    public void A_damaged_database_stays_in_place_if_this_user_may_not_create_the_salvaged_one()
    {
        Damaged();
        File.SetUnixFileMode(PathOf(""), EnterAndRead);

        Assert.Contains("replacing it failed", Refused(StoreErrorReason.Corrupt), StringComparison.Ordinal);
    }

    [Fact]
    public void A_flat_file_that_this_user_may_not_read_is_named_and_the_store_is_closed_again()
    {
        File.SetUnixFileMode(PathOf(""), All);
        File.WriteAllText(PathOf("image_use"), $"{Id(1)} 1700000000\n");
        File.SetUnixFileMode(PathOf("image_use"), UnixFileMode.UserRead);
        using (Unprivileged.BecomeOrSkip())
        {
            var exception = Assert.Throws<ImageUseStoreException>(
                () => Open(options => options.FlatFilePath = PathOf("image_use")));

            Assert.Equal(StoreErrorReason.FlatFile, exception.Reason);
            Assert.Contains($"'{PathOf("image_use")}'", exception.Message, StringComparison.Ordinal);
        }

        Assert.Equal([PathOf("image_use"), DatabasePath], Directory.GetFiles(PathOf("")).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_flat_file_in_a_directory_that_this_user_may_not_enter_is_an_error()
    {
        Directory.CreateDirectory(PathOf("theirs"), UnixFileMode.None);
        File.SetUnixFileMode(PathOf(""), All);
        using var nobody = Unprivileged.BecomeOrSkip();

        var exception = Assert.Throws<ImageUseStoreException>(
            () => Open(options => options.FlatFilePath = PathOf("theirs/image_use")));

        Assert.Equal(StoreErrorReason.FlatFile, exception.Reason);
        Assert.Contains("Nothing was imported", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Files_that_root_creates_belong_to_the_owner_of_the_directory_who_can_use_them()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "Needs root.");
        Shell.Run("chown", "65534:65534", PathOf(""));
        var store = Open();
        store.RecordUse(Id(1));
        store.LockPrunes();

        var files = Directory.GetFiles(PathOf(""));
        Assert.Superset(new HashSet<string>([DatabasePath, DatabasePath + ".run"]), files.ToHashSet());
        foreach (var file in files)
            Assert.Equal("65534:65534", Shell.OutputOrSkip("stat", "--format=%u:%g", file).Trim());

        store.Dispose();
        using var owner = Unprivileged.BecomeOrSkip();
        using var theirs = Open();
        theirs.LockPrunes();
        theirs.RecordUse(Id(2));
        Assert.Equal(2, theirs.Count());
    }

    [Fact]
    public void An_export_into_a_directory_that_cannot_be_synced_says_that_power_loss_could_take_it()
    {
        var store = Open();
        Directory.CreateDirectory(PathOf("theirs"));
        File.SetUnixFileMode(PathOf("theirs"), EnterAndWrite);
        File.SetUnixFileMode(PathOf(""), All);
        using var nobody = Unprivileged.BecomeOrSkip();

        var exception = Assert.Throws<ImageUseStoreException>(() => store.ExportFlatFile(PathOf("theirs/export")));

        Assert.Equal(StoreErrorReason.FlatFile, exception.Reason);
        Assert.Contains("was written, but can be lost if power fails", exception.Message, StringComparison.Ordinal);
    }

    private void Damaged()
    {
        Open().Dispose();
        using (var file = File.OpenWrite(DatabasePath))
            file.Write(new byte[16]);
        File.SetUnixFileMode(DatabasePath, ReadAndWrite);
    }

    private string Refused(StoreErrorReason reason)
    {
        var before = File.Exists(DatabasePath) ? File.ReadAllBytes(DatabasePath) : null;
        ImageUseStoreException exception;
        using (Unprivileged.BecomeOrSkip())
            exception = Assert.Throws<ImageUseStoreException>(() => Open());

        Assert.Equal((reason, DatabasePath), (exception.Reason, exception.DatabasePath));
        if (before is not null)
            Assert.Equal(before, File.ReadAllBytes(DatabasePath));
        return exception.Message;
    }
}
