namespace ImageGc.Sqlite.Tests;

public sealed class InspectionTests : StoreTest
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Sqlite3_reads_the_view_for_people_while_the_store_is_open_and_after(bool open)
    {
        var store = Open();
        store.RecordUse("test1");
        if (!open)
            store.Dispose();

        if (Sqlite.CommandLine(DatabasePath, "SELECT * FROM image_use_utc") is not { } printed)
        {
            Assert.Skip("There is no sqlite3 on this machine.");
            return;
        }

        Assert.StartsWith("test1|2026-03-01T12:00:00Z|", printed, StringComparison.Ordinal);
        Assert.Equal("ok\n", Sqlite.CommandLine(DatabasePath, "PRAGMA integrity_check"));
    }

    [Fact]
    public void The_view_counts_ages_in_days_and_shows_the_oldest_first()
    {
        var now = new SteppingTime(TimeProvider.System.GetUtcNow().AddDays(-2));
        var store = Open(time: now);
        store.RecordUse("older");
        now.Pass(TimeSpan.FromDays(1));
        store.RecordUse("newer");

        Assert.Equal([("older", 2.0), ("newer", 1.0)],
            Sqlite.Query<(string, double)>(DatabasePath, "SELECT image_id, age_days FROM image_use_utc"));
    }

    [Fact]
    public void What_another_process_records_is_seen_at_once()
    {
        var store = Open();
        using var other = new OtherProcess();

        Assert.Equal("ok", other.Ask("record", DatabasePath, Id(1)));

        Assert.NotNull(store.Find(Id(1)));
    }

    [Fact]
    public void Check_reports_a_sound_database()
    {
        var store = Open();
        store.RecordUse([Id(1), Id(2)]);

        var check = store.Check();

        Assert.Equal((DatabasePath, 2, "wal"), (check.DatabasePath, check.TrackedImages, check.JournalMode));
        Assert.Empty(check.Damage);
        Assert.True(check.DatabaseBytes + check.LogBytes > 0);
    }
}
