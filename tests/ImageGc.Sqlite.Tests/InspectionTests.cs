namespace ImageGc.Sqlite.Tests;

public sealed class InspectionTests : StoreTest
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Sqlite3_reads_the_view_while_the_store_is_open_and_after_it_is_closed(bool open)
    {
        var store = Open();
        store.RecordUse("test1");
        if (!open)
            store.Dispose();

        var printed = Sqlite.CommandLineOrSkip(DatabasePath, "SELECT * FROM image_use_utc");

        Assert.StartsWith("test1|2026-03-01T12:00:00Z|", printed, StringComparison.Ordinal);
        Assert.Equal("ok\n", Sqlite.CommandLineOrSkip(DatabasePath, "PRAGMA integrity_check"));
    }

    [Fact]
    public void The_view_shows_ages_in_days_and_the_oldest_use_first()
    {
        var now = new SteppingTime(TimeProvider.System.GetUtcNow().AddDays(-2));
        var store = Open(time: now);
        store.RecordUse("older");
        now.Pass(Day);
        store.RecordUse("newer");

        Assert.Equal([("older", 2.0), ("newer", 1.0)],
            Sqlite.Query<(string, double)>(DatabasePath, "SELECT image_id, age_days FROM image_use_utc"));
    }

    [Fact]
    public void A_record_of_another_process_is_visible_at_once()
    {
        var store = Open();
        using var other = new OtherProcess();

        Assert.Equal("ok", other.Ask("record", DatabasePath, Id(1)));

        Assert.NotNull(store.Find(Id(1)));
    }

    [Fact]
    public void Check_reports_no_damage_in_a_sound_database()
    {
        var store = Open();
        store.RecordUse([Id(1), Id(2)]);

        var check = store.Check();

        Assert.Equal((DatabasePath, 2, "wal"), (check.DatabasePath, check.TrackedImages, check.JournalMode));
        Assert.Empty(check.Damage);
        Assert.True(check.DatabaseBytes + check.LogBytes > 0);
    }

    [Fact]
    public void The_first_and_the_last_second_of_the_calendar_are_valid_times()
    {
        var store = Open();
        Sqlite.Execute(
            DatabasePath, $"INSERT INTO image_use VALUES ('a', 0, 0), ('b', 0, {UnixTime.LatestSecond * 1000})");

        Assert.Equal([0, UnixTime.LatestSecond], store.List().Select(image => image.LastUsedAt.ToUnixTimeSeconds()));
    }

    [Fact]
    public void Check_reports_each_damaged_row()
    {
        var store = Open();
        Sqlite.Execute(DatabasePath,
            "PRAGMA ignore_check_constraints = 1; "
            + "INSERT INTO image_use VALUES ('a', 1, -1), ('b', 1, -1), ('c', 1, -1)");

        Assert.Equal(3, store.Check().Damage.Count);
    }

    [Fact]
    public void Check_finds_an_invalid_row_in_a_reopened_database()
    {
        Open().Dispose();
        var store = Open();
        Sqlite.Execute(DatabasePath,
            "PRAGMA ignore_check_constraints = 1; INSERT INTO image_use VALUES ('two words', 1, 1)");

        Assert.NotEmpty(store.Check().Damage);
    }

    [Fact]
    public void The_view_shows_ages_in_tenths_of_a_day_and_sorts_equal_ages_by_ID()
    {
        var now = new SteppingTime(TimeProvider.System.GetUtcNow().AddHours(-36));
        var store = Open(time: now);
        store.RecordUse(["b", "c", "a"]);

        Assert.Equal([("a", 1.5), ("b", 1.5), ("c", 1.5)],
            Sqlite.Query<(string, double)>(DatabasePath, "SELECT image_id, age_days FROM image_use_utc"));
    }

    [Fact]
    public async Task The_view_of_removed_images_shows_their_age_at_the_decision()
    {
        var store = Open();
        store.RecordUse(Id(1));
        Time.Pass(TimeSpan.FromHours(9.5 * 24));

        await store.PruneAsync([], (_, _) =>
        {
            Time.Pass(Day);
            return Task.CompletedTask;
        }, TestContext.Current.CancellationToken);

        Assert.Equal([("2026-03-12T00:00:00Z", 9.5)], Sqlite.Query<(string, double)>(DatabasePath,
            "SELECT removed_utc, unused_days FROM removed_image_utc"));
    }
}
