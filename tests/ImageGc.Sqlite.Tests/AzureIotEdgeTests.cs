namespace ImageGc.Sqlite.Tests;

/// <summary>
/// The tests of the flat file in Azure IoT Edge, with its data and outcomes:
/// https://github.com/Azure/iotedge/blob/main/edgelet/edgelet-docker/src/image_prune_data.rs
/// </summary>
public sealed class AzureIotEdgeTests : StoreTest
{
    [Fact]
    public void Record_image_use_timestamp_adds_the_image_and_then_updates_its_last_use()
    {
        const string image = "sha256:a4d112e0884bd2ba078ab8222e099bc989cc65cd433dfbb74d6de7cee188g4g7";
        var store = Open();
        store.RecordUse(image);
        var before = Assert.Single(store.List());

        Time.Pass(Second);
        store.RecordUse(image);

        var after = Assert.Single(store.List());
        Assert.Equal(image, after.ImageId);
        Assert.True(before.LastUsedAt < after.LastUsedAt);
    }

    [Fact]
    public void Prune_images_of_six_with_four_in_use_returns_two_and_keeps_four()
    {
        string[] inUse =
        [
            "sha256:670dcc86b69df89a9d5a9e1a7ae5b8f67619c1c74e19de8a35f57d6c06505fd4",
            "sha256:7a45202c8491b92b7e7a9a0cbf887079fcdb86ea3cb0b7a4cb8f5491281e985d",
            "sha256:a40d3130a63918663f6e412178d2e83010994bb5a6bdb9ba314ca43013c05331",
            "sha256:85fdb1e9675c837c18b75f103be6f156587d1058eced1fc508cdb84a722e4f82",
        ];
        string[] unused =
        [
            "sha256:553fd62d98efd413c6c97ded7e6c6c46fc38c7b1e30a2bffd7e08c04f0d65863",
            "sha256:79386db4871013d571ced41443e6384ccc82ccd7f4988ecec4d5f91cbd488a99",
        ];
        var store = Open(options => options.ImageAgeCleanupThreshold = TimeSpan.FromSeconds(5));
        store.RecordUse([.. inUse, .. unused]);

        Time.Pass(TimeSpan.FromSeconds(6));
        var expired = store.Prune(inUse);

        Assert.Equal(unused, expired.Select(image => image.ImageId));
        Assert.Equal(inUse.Order(StringComparer.Ordinal), store.List().Select(image => image.ImageId));
    }

    [Fact]
    public void Process_state_of_seven_with_a_threshold_of_a_day_returns_three_and_keeps_four()
    {
        var now = SteppingTime.Start;
        var path = PathOf("image_use");
        (string Id, TimeSpan Age)[] inUse =
        [
            ("sha256:670dcc86b69df89a9d5a9e1a7ae5b8f67619c1c74e19de8a35f57d6c06505fd4", Day),
            ("sha256:62aedd01bd8520c43d06b09f7a0f67ba9720bdc04631a8242c65ea995f3ecac8", 5 * Day),
            ("sha256:a4d112e0884bd2ba078ab8222e075bc656cc65cd433dfbb74d6de7cee188f2f2", 9 * Day),
        ];
        (string Id, TimeSpan Age) recent =
            ("sha256:a40d3130a63918663f6e412178d2e83010994bb5a6bdb9ba314ca43013c05331", Day / 2);
        (string Id, TimeSpan Age)[] old =
        [
            ("sha256:a1e6072c125f6102f410418ca0647841376982b460ab570916b01f264daf89af", 13 * Day),
            ("sha256:269d9943b0d310e1ab49a55e14752596567a74daa37270c6217abfc33f48f7f5", 12 * Day),
            ("sha256:a4d112e0884bd2ba078ab8222e075bc989cc65cd433dfbb74d6de7cee188g4g7", 8 * Day),
        ];
        string[] neverRecorded =
        [
            "sha256:0884bd2ba078ab8222e075bc656cc65cd433dfbb74d6de7cee188f2f2a4d112e",
            "sha256:8222e075bc656cc65cd433dfbb74d6de7cee188f2f2a4d112e0884bd2ba078ab",
        ];
        File.WriteAllLines(path, [.. inUse.Concat(old).Append(recent).Select(image =>
            $"{image.Id} {(now - image.Age).ToUnixTimeSeconds()}")]);
        var store = Open(options => options.ImageAgeCleanupThreshold = Day);
        store.ImportFlatFile(path);

        var expired = store.Prune([.. inUse.Select(image => image.Id), .. neverRecorded]);

        Assert.Equal(old.Select(image => new ImageUse(image.Id, now - image.Age)), expired);
        Assert.Equal(
            [new ImageUse(recent.Id, now - recent.Age),
                .. inUse.Select(image => image.Id).Order(StringComparer.Ordinal).Select(id => new ImageUse(id, now))],
            store.List());
    }

    [Fact]
    public void Process_state_without_images_returns_none()
    {
        var store = Open(options => options.ImageAgeCleanupThreshold = Day);

        Assert.Empty(store.Prune([]));
        Assert.Empty(store.List());
    }

    [Fact]
    public void Get_and_write_images_with_timestamp_round_trips()
    {
        var store = Open();
        store.RecordUse(["test1", "test2", "test3"]);
        var images = store.List();

        store.ExportFlatFile(PathOf("image_use"));
        var other = Open(options => options.DatabasePath = PathOf("other.db"));
        other.ImportFlatFile(PathOf("image_use"));

        Assert.Equal(images, other.List());
    }

    [Fact]
    public void A_fresh_directory_gives_an_empty_store()
    {
        Assert.Empty(Open().List());
        Assert.True(File.Exists(DatabasePath));
    }

    [Fact]
    public void Writing_an_empty_map_writes_an_empty_file()
    {
        Open().ExportFlatFile(PathOf("image_use"));

        Assert.Equal("", File.ReadAllText(PathOf("image_use")));
    }
}
