using Microsoft.Extensions.Logging;

namespace ImageGc.Sqlite.Tests;

/// <summary>Images that a person keeps by a name, an ID or a glob.</summary>
public sealed class KeepTests : StoreTest
{
    private static readonly CancellationToken Cancel = TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("registry/app:1")]
    [InlineData("registry/app")]
    [InlineData("registry/*")]
    [InlineData("sha256:0000000000000000000000000000000000000000000000000000000000000001")]
    public async Task A_kept_image_survives_every_prune_until_it_is_no_longer_kept(string pattern)
    {
        var store = Described();
        store.Keep(pattern);
        store.Keep(pattern);

        Assert.Equal([pattern], store.ListKept());
        var verdict = store.ExplainPrune([])[0];
        Assert.Equal((Id(1), PruneReason.Kept, $"by hand, as {pattern}"),
            (verdict.Image.ImageId, verdict.Reason, verdict.KeptBy));
        Assert.Equal([Id(2)], store.Prune([]).Select(image => image.ImageId));
        Assert.Empty((await store.PruneAsync([], (_, _) => Task.CompletedTask, cancellationToken: Cancel)).Removed);

        Assert.True(store.Unkeep(pattern));
        Assert.False(store.Unkeep(pattern));
        Assert.Equal([Id(1)], store.Prune([]).Select(image => image.ImageId));
    }

    [Theory]
    [InlineData("sha256")]
    [InlineData("sha25?")]
    public void The_algorithm_of_an_ID_is_not_a_name_that_matches_every_ID(string pattern)
    {
        var store = Described();
        store.Keep(pattern);

        Assert.Equal([Id(1), Id(2)], store.Prune([]).Select(image => image.ImageId));
    }

    [Theory]
    [InlineData("sha256:*1")]
    [InlineData("*0001")]
    [InlineData("sha256:00000000000000000000000000000000000000000000000000000000000000?1")]
    public void A_glob_matches_an_ID_as_a_whole(string pattern)
    {
        var store = Described();
        store.Keep(pattern);

        Assert.Equal([Id(2)], store.Prune([]).Select(image => image.ImageId));
    }

    [Fact]
    public async Task A_running_prune_leaves_an_image_that_is_kept_meanwhile()
    {
        var store = Described();
        List<string> removed = [];

        var result = await store.PruneAsync([], (image, _) =>
        {
            removed.Add(image.ImageId);
            using var operators = ImageUseStore.Open(new ImageUseStoreOptions { DatabasePath = DatabasePath }, Time);
            operators.Keep("tool");
            return Task.CompletedTask;
        }, cancellationToken: Cancel);

        Assert.Equal([Id(1)], removed);
        Assert.Equal([Id(2)], result.UsedMeanwhile.Select(image => image.ImageId));
        Assert.Equal([Id(2)], store.List().Select(image => image.ImageId));
    }

    [Fact]
    public void A_kept_name_that_moved_to_another_image_keeps_only_that_image()
    {
        var store = Described();
        store.Keep("registry/app:1");
        store.RecordUse(Id(3));
        store.Describe([new(Id(1), []), new(Id(3), ["registry/app:1"])]);

        Assert.Equal(["registry/app:1"], store.Find(Id(1))!.Value.Names);
        Assert.Equal([Id(1), Id(2)], store.Prune([]).Select(image => image.ImageId));
    }

    [Fact]
    public void ExplainPrune_reports_in_use_before_kept_and_the_rule_of_the_host_before_one_by_hand()
    {
        var store = Described();
        store.Keep("registry/app:1");
        store.Keep("tool");
        var options = new PruneOptions { Keep = new Dictionary<string, string> { [Id(2)] = "KeepNewest 1" } };

        Assert.Equal([(PruneReason.InUse, null), (PruneReason.Kept, "KeepNewest 1")],
            store.ExplainPrune([Id(1)], options).Select(verdict => (verdict.Reason, verdict.KeptBy)));
    }

    [Fact]
    public void Kept_patterns_are_salvaged_from_a_damaged_database_and_do_not_become_images()
    {
        using (var store = Described())
            store.Keep("registry/app:1");
        Sqlite.Execute(DatabasePath, "PRAGMA wal_checkpoint(TRUNCATE)");
        ZeroRootOf("prune_run");

        var salvaged = Open();

        Assert.Equal(2, salvaged.Count());
        Assert.Equal(["registry/app:1"], salvaged.ListKept());
    }

    [Fact]
    public void Kept_patterns_that_cannot_be_salvaged_are_reported_as_lost()
    {
        using (var store = Described())
            store.Keep("registry/app:1");
        Sqlite.Execute(DatabasePath, "PRAGMA wal_checkpoint(TRUNCATE)");
        ZeroRootOf("kept_image");

        var log = new RecordingLog();
        using var salvaged = ImageUseStore.Open(new ImageUseStoreOptions { DatabasePath = DatabasePath }, Time, log);

        Assert.Equal(2, salvaged.Count());
        Assert.Empty(salvaged.ListKept());
        Assert.Contains(
            $"The images kept by hand in {DatabasePath} could not be salvaged. Keep them again with 'imagegc keep'",
            log.Messages(LogLevel.Warning));
    }

    [Fact]
    public void A_kept_pattern_that_damage_duplicated_does_not_stop_a_salvage()
    {
        using (var store = Described())
            store.Keep("registry/app:1");
        Sqlite.Execute(DatabasePath, """
            PRAGMA writable_schema = ON;
            UPDATE sqlite_schema
            SET sql = 'CREATE TABLE kept_image (pattern, kept_utc, PRIMARY KEY (pattern, kept_utc)) WITHOUT ROWID'
            WHERE name = 'kept_image';
            """);
        Sqlite.Execute(DatabasePath, "INSERT INTO kept_image VALUES ('registry/app:1', 'again'), ('two words', 'x')");
        Sqlite.Execute(DatabasePath, "PRAGMA wal_checkpoint(TRUNCATE)");
        ZeroRootOf("prune_run");

        Assert.Equal(["registry/app:1"], Open().ListKept());
    }

    [Theory]
    [InlineData("")]
    [InlineData("two words")]
    [InlineData(null)]
    public void A_pattern_that_cannot_match_a_name_or_an_ID_is_refused(string? pattern)
    {
        var store = Open();

        Assert.StartsWith("Not a valid image name, ID or pattern: ",
            Assert.Throws<ArgumentException>(() => store.Keep(pattern!)).Message, StringComparison.Ordinal);
        Assert.Empty(store.ListKept());
    }

    private void ZeroRootOf(string table)
    {
        var page = Sqlite.Query<long>(DatabasePath, $"SELECT rootpage FROM sqlite_schema WHERE name = '{table}'")[0];
        using var file = File.OpenWrite(DatabasePath);
        file.Position = (page - 1) * 4096;
        file.Write(new byte[4096]);
    }

    /// <summary>Two images that have expired.</summary>
    private ImageUseStore Described()
    {
        var store = Open(options => options.ImageAgeCleanupThreshold = TimeSpan.Zero);
        store.RecordUse(Id(1));
        Time.Pass(Second);
        store.RecordUse(Id(2));
        store.Describe([new(Id(1), ["registry/app:1"]), new(Id(2), ["tool:2"])]);
        return store;
    }
}
