using System.Security.Cryptography;

namespace ImageGc.Sqlite.Tests;

/// <summary>A read-only store changes nothing, and works where a database cannot be written.</summary>
public sealed class ReadOnlyTests : StoreTest
{
    [Fact]
    public void A_read_only_store_reads_everything_and_creates_no_file_beside_the_database()
    {
        Written().Dispose();
        var before = Hash();

        using (var reader = OpenReadOnly())
        {
            Assert.Equal([Id(2), Id(3)], reader.List().Select(image => image.ImageId));
            Assert.NotNull(reader.Find(Id(3)));
            Assert.Equal([PruneReason.InUse, PruneReason.UsedRecently],
                reader.ExplainPrune([Id(2)]).Select(verdict => verdict.Reason));
            Assert.Equal(Id(1), Assert.Single(reader.ListRemoved()).Image.ImageId);
            Assert.Equal(reader.LastPrune(), Assert.Single(reader.ListPrunes()));
            reader.ExportFlatFile(PathOf("export"));
            Assert.Empty(reader.Check().Damage);
            Assert.Equal("wal", reader.Check().JournalMode);
        }

        Assert.Equal(before, Hash());
        Assert.Equal([PathOf("export"), DatabasePath], Directory.GetFiles(PathOf("")).Order());
    }

    [Fact]
    public void A_read_only_store_sees_what_was_recorded_meanwhile()
    {
        Written().Dispose();
        using var reader = OpenReadOnly();

        using (var store = Open())
        {
            store.RecordUse(Id(4));
            Assert.Equal(3, reader.Count());
            store.RecordUse(Id(5));
        }

        Assert.Equal(4, reader.Count());
        Assert.Equal("wal", reader.Check().JournalMode);
    }

    [Fact]
    public void A_read_only_store_reads_the_same_through_a_link()
    {
        var store = Written();
        var link = PathOf("link.db");
        File.CreateSymbolicLink(link, DatabasePath);
        store.RecordUse(Id(4));

        using var reader = Open(options => (options.DatabasePath, options.ReadOnly) = (link, true));

        Assert.Equal(3, reader.Count());
        IReadOnlyList<string> none = [];
        Assert.Equal(store.Check() with { Damage = none }, reader.Check() with { Damage = none });
    }

    [Fact]
    public async Task A_sound_database_is_never_reported_as_damaged_while_others_open_and_close_it()
    {
        Written().Dispose();
        var (done, stores, number) = (false, 0, 10);
        var others = Task.Run(() =>
        {
            while (!Volatile.Read(ref done))
            {
                using var store = ImageUseStore.Open(new ImageUseStoreOptions { DatabasePath = DatabasePath }, Time);
                store.RecordUse(Enumerable.Range(number += 50, 50).Select(Id));
                Interlocked.Increment(ref stores);
            }
        }, TestContext.Current.CancellationToken);

        Wait.Until(() => Volatile.Read(ref stores) > 0, "the writer has recorded for the first time");
        for (var times = 0; times < 50; times++)
        {
            using var reader = OpenReadOnly();
            Assert.Empty(reader.Check().Damage);
        }

        Assert.InRange(Volatile.Read(ref stores), 2, int.MaxValue);
        Volatile.Write(ref done, true);
        await Wait.ForAsync(others, "the writer closes its last store");
    }

    [Fact]
    public void Changes_through_a_read_only_store_fail_and_say_why()
    {
        Written().Dispose();
        File.WriteAllText(PathOf("image_use"), $"{Id(9)} 1700000000\n");
        using var reader = OpenReadOnly();

        foreach (var call in (Action[])[
            () => reader.RecordUse(Id(1)), () => reader.RecordUse([Id(1), Id(2)]), () => reader.Prune([]),
            () => reader.Forget(Id(3)), () => reader.ForgetGone([reader.List()[0]]), () => reader.ForgetMissing([]),
            () => reader.Describe([new(Id(2), ["agent:1"])]), () => reader.Keep("agent"), () => reader.Unkeep("agent"),
            () => reader.ImportFlatFile(PathOf("image_use")), reader.LockPrunes,
            () => reader.PruneAsync([], (_, _) => Task.CompletedTask).GetAwaiter().GetResult()])
        {
            var exception = Assert.Throws<ImageUseStoreException>(call);
            Assert.Equal(StoreErrorReason.ReadOnly, exception.Reason);
            Assert.Contains("opened read-only", exception.Message, StringComparison.Ordinal);
        }

        Time.StepTo(Time.GetUtcNow().AddDays(1));
        reader.CorrectTimes();
        Assert.Equal(2, reader.Count());
        Assert.False(File.Exists(DatabasePath + ".run"));
    }

    [Theory]
    [InlineData("full")]
    [InlineData("ro")]
    public void A_database_on_a_full_or_read_only_disk_can_be_read(string state)
    {
        using var disk = SmallDisk.MountOrSkip();
        var path = disk.PathOf("image_use.db");
        using (var store = Open(options => options.DatabasePath = path))
            store.RecordUse(Id(1));
        if (state == "full")
            disk.FillUp();
        else
            disk.Remount(state);

        using var reader = Open(options => (options.DatabasePath, options.ReadOnly) = (path, true));

        Assert.Single(reader.List());
        Assert.Equal("none", reader.Check().JournalMode);
    }

    [Fact]
    public void A_user_without_write_permission_can_read_the_database()
    {
        Written().Dispose();
        LetEverybodyOnlyRead();
        using var nobody = Unprivileged.BecomeOrSkip();

        Assert.Equal(2, OpenReadOnly().Count());
    }

    [Fact]
    public void A_user_without_write_permission_must_reopen_a_database_that_others_changed()
    {
        Written().Dispose();
        LetEverybodyOnlyRead();
        ImageUseStore reader;
        using (Unprivileged.BecomeOrSkip())
            reader = OpenReadOnly();
        using var store = Open();
        for (var number = 10; number < 2000; number++)
        {
            store.RecordUse(Id(number));
            Assert.Equal(StoreErrorReason.Moved,
                Assert.Throws<ImageUseStoreException>(() => reader.List()).Reason);
        }

        using (Unprivileged.BecomeOrSkip())
            Assert.Equal(1992, OpenReadOnly().Count());
    }

    [Fact]
    public void A_user_who_may_only_read_is_asked_to_open_it_anew_also_once_others_have_closed_it()
    {
        Written().Dispose();
        LetEverybodyOnlyRead();
        ImageUseStore reader;
        using (Unprivileged.BecomeOrSkip())
            reader = OpenReadOnly();
        using (var store = Open())
            store.RecordUse(Id(10));

        Assert.Equal(StoreErrorReason.Moved, Assert.Throws<ImageUseStoreException>(() => reader.List()).Reason);
    }

    [Fact]
    public void A_log_without_its_index_is_refused_for_a_user_without_write_permission()
    {
        var store = Written();
        store.RecordUse(Id(4));
        var copy = Path.Combine(Directory.CreateDirectory(PathOf("copy")).FullName, "image_use.db");
        File.Move(Kill(DatabasePath), copy);
        File.Move($"{DatabasePath}.left-wal", $"{copy}-wal");
        LetEverybodyOnlyRead();
        foreach (var file in (string[])[copy, $"{copy}-wal", PathOf("copy")])
            File.SetUnixFileMode(file, EverybodyReads);
        using var nobody = Unprivileged.BecomeOrSkip();

        var exception = Assert.Throws<ImageUseStoreException>(() =>
            Open(options => (options.DatabasePath, options.ReadOnly) = (copy, true)));

        Assert.Equal(StoreErrorReason.Unavailable, exception.Reason);
        Assert.Contains($"cannot be read without '{copy}-shm'", exception.Message, StringComparison.Ordinal);
    }

    private const UnixFileMode EverybodyReads = (UnixFileMode)0b101_101_101;

    private void LetEverybodyOnlyRead()
    {
        File.SetUnixFileMode(DatabasePath, EverybodyReads);
        File.SetUnixFileMode(PathOf(""), EverybodyReads);
    }

    [Fact]
    public void A_damaged_database_is_reported_and_left_unchanged()
    {
        Written().Dispose();
        using (var file = File.OpenWrite(DatabasePath))
        {
            file.Position = file.Length - 4096;
            file.Write(new byte[4096]);
        }

        var before = Hash();

        var exception = Assert.Throws<ImageUseStoreException>(() => OpenReadOnly());

        Assert.Equal(StoreErrorReason.Corrupt, exception.Reason);
        Assert.Contains("Nothing was changed", exception.Message, StringComparison.Ordinal);
        Assert.Equal(before, Hash());
    }

    [Fact]
    public void Check_finds_an_invalid_row_for_a_user_without_write_permission()
    {
        Written().Dispose();
        Sqlite.Execute(DatabasePath,
            "PRAGMA ignore_check_constraints = 1; INSERT INTO image_use VALUES ('two words', 1, 1)");
        File.SetUnixFileMode(DatabasePath, UnixFileMode.UserRead | UnixFileMode.GroupRead | UnixFileMode.OtherRead);
        File.SetUnixFileMode(PathOf(""), (UnixFileMode)0b101_101_101);
        using var nobody = Unprivileged.BecomeOrSkip();
        using var reader = OpenReadOnly();

        Assert.Equal([Id(2), Id(3)], reader.List().Select(image => image.ImageId));
        Assert.Equal(["1 rows of image_use contain no image"], reader.Check().Damage);
    }

    [Fact]
    public void A_database_of_an_older_version_is_not_migrated()
    {
        Written().Dispose();
        Sqlite.Execute(DatabasePath, "PRAGMA user_version = 1");

        var exception = Assert.Throws<ImageUseStoreException>(() => OpenReadOnly());

        Assert.Equal(StoreErrorReason.Migration, exception.Reason);
        Assert.Equal([1], Sqlite.Query<int>(DatabasePath, "PRAGMA user_version"));
    }

    [Fact]
    public void A_missing_database_is_not_created_and_no_flat_file_is_imported()
    {
        Assert.Equal(StoreErrorReason.Unavailable, Assert.Throws<ImageUseStoreException>(() => OpenReadOnly()).Reason);
        Assert.False(File.Exists(DatabasePath));

        Written().Dispose();
        File.WriteAllText(PathOf("image_use"), $"{Id(9)} 1700000000\n");
        using var reader = Open(options => (options.ReadOnly, options.FlatFilePath) = (true, PathOf("image_use")));

        Assert.True(File.Exists(PathOf("image_use")));
    }

    [Fact]
    public void A_log_that_a_crash_left_stays_as_it_is()
    {
        Written();
        var path = Kill(DatabasePath);
        string[] files = [path, $"{path}-wal"];
        var before = files.Select(File.ReadAllBytes).ToList();

        using (var look = Open(options => (options.DatabasePath, options.ReadOnly) = (path, true)))
            Assert.Equal([Id(2), Id(3)], look.List().Select(image => image.ImageId));

        Assert.Equal(before, files.Select(File.ReadAllBytes));
    }

    /// <summary>One image that a prune removed, one that was in use, and one used since.</summary>
    private ImageUseStore Written()
    {
        var store = Open();
        store.RecordUse([Id(1), Id(2)]);
        Time.Pass(Week);
        store.Prune([Id(2)]);
        Time.Pass(Day);
        store.RecordUse(Id(3));
        return store;
    }

    private ImageUseStore OpenReadOnly() => Open(options => options.ReadOnly = true);

    private string Hash() => Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(DatabasePath)));
}
