using Dapper;
using Microsoft.Data.Sqlite;

namespace ImageGc.Sqlite.Tests;

/// <summary>Opens databases as earlier versions left them.</summary>
public sealed class UpgradeTests : StoreTest
{
    private static readonly long Now = SteppingTime.Start.ToUnixTimeSeconds();

    private readonly Dictionary<string, long> _images = new()
    {
        ["first-second"] = 0,
        ["1970"] = 30,
        ["old"] = DaysAgo(30),
        ["a-week"] = DaysAgo(7),
        ["a-week-less-a-second"] = DaysAgo(7) + 1,
        ["now"] = Now,
        ["ahead"] = DaysAgo(-30),
        ["last-second"] = UnixTime.LatestSecond,
    };

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Every_image_keeps_its_time(int version)
    {
        Create(version);

        var store = Open();

        Assert.Equal(_images.OrderBy(image => image.Value).Select(image => (image.Key, image.Value)),
            store.List().Select(image => (image.ImageId, image.LastUsedAt.ToUnixTimeSeconds())));
        Assert.Equal([MigrationTests.Scripts.Length], Sqlite.Query<int>(DatabasePath, "PRAGMA user_version"));
        Assert.Empty(store.Check().Damage);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void The_views_show_the_same_as_before(int version)
    {
        Create(version);
        const string uses = "SELECT image_id, last_used_utc FROM image_use_utc";
        const string runs =
            "SELECT prune_run_id, pruned_utc, threshold_days, tracked, removed, failed FROM prune_run_utc";
        const string removed =
            "SELECT image_id, removed_utc, last_used_utc, unused_days, threshold_days FROM removed_image_utc";
        var views = version == 1 ? [uses] : (string[])[uses, runs, removed];
        var before = views.Select(Show).ToList();

        Open().Dispose();

        Assert.All(before, Assert.NotEmpty);
        Assert.Equal(before, views.Select(Show));
    }

    [Fact]
    public void The_history_is_kept()
    {
        Create(2);

        var store = Open();

        Assert.Equal(
            [
                new PruneRun(At(DaysAgo(2)), Week, Tracked: 10, Removed: 2, Failed: 1, PruneKind.Scheduled),
                new PruneRun(At(DaysAgo(3)), Week, Tracked: 10, Removed: 0, Failed: 0, PruneKind.Scheduled),
            ],
            store.ListPrunes());
        Assert.Equal(
            [("gone-1", DaysAgo(20), DaysAgo(2)), ("gone-2", DaysAgo(10), DaysAgo(2) + 5)],
            store.ListRemoved().Select(removed => (removed.Image.ImageId,
                removed.Image.LastUsedAt.ToUnixTimeSeconds(), removed.RemovedAt.ToUnixTimeSeconds())));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void A_prune_decides_as_before(int version)
    {
        Create(version);
        var store = Open(options => options.ClockSettleTime = TimeSpan.Zero);

        var expired = store.Prune(["old"]);

        Assert.Equal(["a-week"], expired.Select(image => image.ImageId));
        Time.Pass(Second);
        Assert.Equal(["a-week-less-a-second"], store.Prune(["old"]).Select(image => image.ImageId));
        Time.Pass(Week - Second);
        Assert.Equal(["1970", "ahead", "first-second", "last-second", "now"],
            store.Prune(["old"]).Select(image => image.ImageId).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_running_program_of_version_2_gets_an_error_and_loses_no_use()
    {
        Create(2);
        using var running = Sqlite.Connect(DatabasePath);
        using var record = running.CreateCommand();
        record.CommandText = UpsertOfVersion2;
        record.Parameters.AddWithValue("@id", "old");
        record.Parameters.AddWithValue("@now", DaysAgo(1));
        record.Prepare();
        record.ExecuteNonQuery();
        _images["old"] = DaysAgo(1);

        var store = Open();
        record.Parameters["@now"].Value = Now;
        var exception = Assert.Throws<SqliteException>(() => record.ExecuteNonQuery());

        Assert.Contains("last_used_at", exception.Message, StringComparison.Ordinal);
        Assert.Equal(_images, store.List().ToDictionary(
            image => image.ImageId, image => image.LastUsedAt.ToUnixTimeSeconds()));
        store.RecordUse("old");
        Assert.Equal(SteppingTime.Start, store.Find("old")!.Value.LastUsedAt);
    }

    [Fact]
    public void An_uncommitted_change_by_version_2_blocks_the_upgrade_and_is_not_lost()
    {
        Create(2);
        using var running = Sqlite.Connect(DatabasePath);
        running.Execute("BEGIN IMMEDIATE");
        running.Execute(UpsertOfVersion2, new { id = "old", now = Now });

        var exception = Assert.Throws<ImageUseStoreException>(
            () => Open(options => options.BusyTimeout = TimeSpan.FromMilliseconds(100)));
        running.Execute("COMMIT");

        Assert.Equal(StoreErrorReason.Busy, exception.Reason);
        Assert.Equal(SteppingTime.Start, Open().Find("old")!.Value.LastUsedAt);
    }

    [Fact]
    public void An_upgrade_that_fails_half_way_leaves_version_2_unchanged()
    {
        Create(2);
        // The script creates this table after it has moved the images.
        Sqlite.Execute(DatabasePath, "CREATE TABLE note (text TEXT)");
        var before = Everything();

        var exception = Assert.Throws<ImageUseStoreException>(() => Open());

        Assert.Equal(StoreErrorReason.Migration, exception.Reason);
        Assert.Equal(before, Everything());
        Sqlite.Execute(DatabasePath, UpsertOfVersion2.Replace("@id, @now", "'new', 1", StringComparison.Ordinal));
        Sqlite.Execute(DatabasePath, "DROP TABLE note");
        Assert.Equal(_images.Count + 1, Open().List().Count);

        List<string> Everything() =>
        [
            .. Sqlite.Query<string>(DatabasePath, "SELECT sql FROM sqlite_master WHERE sql NOT NULL ORDER BY name"),
            .. Sqlite.Query<string>(DatabasePath, "SELECT ScriptName FROM SchemaVersions"),
            .. Sqlite.Query<string>(DatabasePath, "SELECT image_id || ' ' || last_used_at FROM image_use"),
            .. Sqlite.Query<string>(DatabasePath, "SELECT user_version FROM pragma_user_version"),
        ];
    }

    [Theory]
    [InlineData("image_use_utc", "1970|1970-01-01T00:00:30Z|")]
    [InlineData("prune_run_utc", "2|2026-02-27T12:00:00Z|scheduled|7.0|10|2|1|\n")]
    [InlineData("removed_image_utc",
        "gone-1|2026-02-27T12:00:00Z|2026-02-09T12:00:00Z|18.0|7.0|scheduled||||\n")]
    public void Sqlite3_reads_each_view_of_an_upgraded_database(string view, string row)
    {
        Create(2);
        Open().Dispose();

        var printed = Sqlite.CommandLineOrSkip(DatabasePath, $"SELECT * FROM {view}");

        Assert.Contains(row, printed, StringComparison.Ordinal);
        Assert.Equal("ok\n", Sqlite.CommandLineOrSkip(DatabasePath, "PRAGMA integrity_check"));
    }

    /// <summary>The statement that version 2 prepares when it opens a database and runs for every use.</summary>
    private const string UpsertOfVersion2 = """
        INSERT INTO image_use (image_id, last_used_at)
        VALUES (@id, @now)
        ON CONFLICT (image_id) DO UPDATE
        SET last_used_at = excluded.last_used_at
        """;

    /// <summary>Creates a database with the scripts of that version and the journal that DbUp keeps of them.</summary>
    private void Create(int version)
    {
        using var connection = Sqlite.Connect(DatabasePath);
        connection.Execute($"""
            PRAGMA journal_mode = WAL;
            PRAGMA application_id = {Migrations.ApplicationId};
            PRAGMA user_version = {version};
            CREATE TABLE [SchemaVersions] (
                SchemaVersionID INTEGER CONSTRAINT [PK_SchemaVersions_Id] PRIMARY KEY AUTOINCREMENT NOT NULL,
                ScriptName TEXT NOT NULL,
                Applied DATETIME NOT NULL
            )
            """);
        foreach (var script in MigrationTests.Scripts.Take(version))
        {
            connection.Execute(MigrationTests.Read(script));
            connection.Execute("INSERT INTO SchemaVersions (ScriptName, Applied) VALUES (@script, '2026-01-01')",
                new { script });
        }

        connection.Execute("INSERT INTO image_use (image_id, last_used_at) VALUES (@Key, @Value)", _images);
        if (version == 1)
            return;
        connection.Execute($"""
            INSERT INTO prune_run (prune_run_id, pruned_at, threshold_seconds, tracked, removed, failed)
            VALUES (1, {DaysAgo(3)}, {Week.TotalSeconds}, 10, 0, 0), (2, {DaysAgo(2)}, {Week.TotalSeconds}, 10, 2, 1);
            INSERT INTO removed_image (prune_run_id, image_id, last_used_at, removed_at)
            VALUES (2, 'gone-1', {DaysAgo(20)}, {DaysAgo(2)}),
                   (2, 'gone-2', {DaysAgo(10)}, {DaysAgo(2) + 5});
            """);
    }

    private List<string> Show(string sql) => [.. Sqlite.Query<dynamic>(DatabasePath, sql)
        .Select(row => string.Join('|', ((IDictionary<string, object>)row).Values))];

    private static long DaysAgo(int days) => Now - days * 86_400L;

    private static DateTimeOffset At(long seconds) => DateTimeOffset.FromUnixTimeSeconds(seconds);
}
