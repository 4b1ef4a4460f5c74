namespace ImageGc.Sqlite.Tests;

/// <summary>What a database stores beside the uses: names and sizes of images, and notes of the host.</summary>
public sealed class DescriptionTests : StoreTest
{
    [Fact]
    public void Names_and_size_of_a_tracked_image_are_listed_and_kept_in_the_history()
    {
        var store = Open(options => options.ImageAgeCleanupThreshold = TimeSpan.Zero);
        store.RecordUse([Id(1), Id(2)]);
        store.Describe([new(Id(1), ["agent:1", "agent:2"], 42), new(Id(9), ["other:1"], 9)]);

        var described = store.Find(Id(1))!.Value;
        Assert.Equal(["agent:1", "agent:2"], described.Names);
        Assert.Equal(42, described.SizeBytes);
        Assert.Equal([2, 0], store.List().Select(image => image.Names.Count));
        Assert.Equal([42L, null], store.ExplainPrune([]).Select(verdict => verdict.Image.SizeBytes));
        Assert.Equal(["agent:1", "agent:2"], store.Prune([])[0].Names);
        Assert.Equal([("agent:1 agent:2", 42L)], Sqlite.Query<(string, long)>(
            DatabasePath, $"SELECT names, size_bytes FROM removed_image_utc WHERE image_id = '{Id(1)}'"));
        Assert.Empty(Sqlite.Query<string>(DatabasePath, "SELECT image_id FROM image_description"));
    }

    [Fact]
    public async Task An_image_that_was_removed_or_found_gone_keeps_its_names_in_the_history()
    {
        var store = Open(options => options.ImageAgeCleanupThreshold = TimeSpan.Zero);
        store.RecordUse([Id(1), Id(2)]);
        store.Describe([new(Id(1), ["agent:1"], 1), new(Id(2), ["agent:2"], 2)]);

        store.ForgetGone([store.Find(Id(2))!.Value]);
        await store.PruneAsync([], (_, _) => Task.CompletedTask, TestContext.Current.CancellationToken);

        Assert.Equal([("agent:1", 1), ("agent:2", 2)], Sqlite.Query<(string, long)>(
            DatabasePath, "SELECT names, size_bytes FROM removed_image ORDER BY image_id"));
    }

    [Fact]
    public void An_image_that_loses_its_names_keeps_those_it_had()
    {
        var store = Open();
        store.RecordUse(Id(1));
        store.Describe([new(Id(1), ["agent:latest"], 42)]);
        store.Describe([new(Id(1), ["", "two words"])]);

        Assert.Equal(["agent:latest"], store.Find(Id(1))!.Value.Names);
        Assert.Equal(42, store.Find(Id(1))!.Value.SizeBytes);

        store.Describe([new(Id(1), ["agent:old"], 43)]);
        Assert.Equal(["agent:old"], store.Find(Id(1))!.Value.Names);
        Assert.Equal(43, store.Find(Id(1))!.Value.SizeBytes);
    }

    [Fact]
    public void A_prune_returns_whether_an_image_has_lost_its_names()
    {
        var store = Open();
        store.RecordUse([Id(1), Id(2)]);
        store.Describe([new(Id(1), ["agent:1"]), new(Id(2), ["agent:2"])]);
        store.Describe([new(Id(2), [])]);
        Time.Pass(Week);

        Assert.Equal(
            [("agent:1", false), ("agent:2", true)],
            store.Prune([]).Select(image => (image.Names[0], image.HasLostNames)));
    }

    [Fact]
    public void Notes_are_written_with_uses_or_alone_and_all_or_none()
    {
        var store = Open();
        store.RecordUse([Id(1)], Note("cursor", "17"));
        store.RecordUse([], Note("engine", "docker A"));
        store.RecordUse([], Note("cursor", "18"));

        Assert.Equal(["18", "docker A", null], ((string[])["cursor", "engine", "x"]).Select(store.FindNote));
        Assert.Throws<ArgumentException>(() => store.RecordUse(["two words"], Note("cursor", "19")));
        Assert.Throws<ArgumentException>(() => store.RecordUse([Id(2)], Note("cursor", null!)));
        Assert.Equal("18", store.FindNote("cursor"));
        Assert.Equal([Id(1)], store.List().Select(image => image.ImageId));
    }

    private static Dictionary<string, string> Note(string key, string value) => new() { [key] = value };
}
