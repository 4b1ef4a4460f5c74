using ImageGc.Sqlite;

namespace ImageGc.Hosting.Tests;

public sealed class KeptImagesTests
{
    [Theory]
    [InlineData("alpine", "alpine:3", true)]
    [InlineData("docker.io/alpine", "alpine:3", true)]
    [InlineData("docker.io/library/alpine:3", "alpine:3", true)]
    [InlineData("index.docker.io/library/alpine:3", "alpine:3", true)]
    [InlineData("library/alpine", "alpine:3", true)]
    [InlineData("alpine:3", "docker.io/library/alpine:3", true)]
    [InlineData("index.docker.io/edge/agent", "edge/agent:1", true)]
    [InlineData("docker.io/library/*", "alpine:3", true)]
    [InlineData("docker.io/library/*", "edge/agent:1", false)]
    [InlineData("library/*", "edge/agent:1", false)]
    [InlineData("docker.io/*", "registry:5000/agent:1", false)]
    [InlineData("docker.io/*", "localhost/agent:1", false)]
    [InlineData("alpine:3", "alpine:3.1", false)]
    [InlineData("*", "registry:5000/agent:1", true)]
    public void A_name_may_be_written_in_every_form_that_Docker_accepts(string kept, string name, bool expected) =>
        Assert.Equal(expected, Keeps(kept, OwnEngine.Image("sha256:1", name)));

    [Theory]
    [InlineData("0a82b53d6f82", true)]
    [InlineData("sha256:0a82b53d6f82", true)]
    [InlineData("0a82b53d6f820a82b53d6f820a82b53d6f820a82b53d6f820a82b53d6f82abcd", true)]
    [InlineData("sha256:0a82b53d6f820a82b53d6f820a82b53d6f820a82b53d6f820a82b53d6f82abcd", true)]
    [InlineData("0a82b53d6f83", false)]
    [InlineData("0a8", false)]
    [InlineData("registry/agent:1.5@sha256:77", true)]
    [InlineData("registry:5000/agent:1.5@sha256:78", true)]
    [InlineData("registry/agent:1.5@sha256:79", false)]
    public void An_ID_may_be_shortened_and_a_digest_matches_under_any_tag(string kept, bool expected) =>
        Assert.Equal(expected, Keeps(kept, OwnEngine.Image(
            "sha256:0a82b53d6f820a82b53d6f820a82b53d6f820a82b53d6f820a82b53d6f82abcd",
            "registry/agent@sha256:77", "registry:5000/agent@sha256:78")));

    [Theory]
    [InlineData("keep", true)]
    [InlineData("keep=always", true)]
    [InlineData("keep=never", false)]
    [InlineData("Keep", false)]
    public void A_label_keeps_an_image_with_that_value_or_with_any_if_none_is_given(string label, bool expected)
    {
        var image = OwnEngine.Image("a") with { Labels = new Dictionary<string, string> { ["keep"] = "always" } };

        var kept = new KeptImages(new ImageGarbageCollectionOptions { KeepLabels = { label } }).Among(
            [image, OwnEngine.Image("b")], [], new HashSet<string>());

        Assert.Equal(expected ? [("a", $"KeepLabels {label}")] : [], kept.Select(one => (one.Key, one.Value)));
    }

    [Fact]
    public void White_space_around_an_entry_does_not_count() => Assert.Equal(
        ["KeepImages alpine:3"],
        new KeptImages(new ImageGarbageCollectionOptions { KeepImages = { " alpine:3 " } }).Among(
            [OwnEngine.Image("a", "alpine:3")], [], new HashSet<string>()).Values);

    [Fact]
    public void An_image_in_a_read_only_store_stays() =>
        Assert.Equal(["the engine's store is read-only"], new KeptImages(new ImageGarbageCollectionOptions()).Among(
            [OwnEngine.Image("a") with { ReadOnly = true }], [], new HashSet<string>()).Values);

    [Theory]
    [InlineData(1, "", "4 6")]
    [InlineData(2, "", "3 4 5 6")]
    [InlineData(1, "1", "1 6")] // Images in use count first,
    [InlineData(1, "7", "6 7")] // also if they are not tracked.
    [InlineData(0, "1", "")]
    public void The_images_of_each_repository_that_were_used_last_are_kept(int newest, string inUse, string expected)
    {
        EngineImage[] images =
        [
            OwnEngine.Image("1", "registry:5000/agent:1"), OwnEngine.Image("2", "registry:5000/agent:2"),
            OwnEngine.Image("3"), OwnEngine.Image("4", "registry:5000/agent@sha256:4"),
            OwnEngine.Image("5", "module:latest"), OwnEngine.Image("6", "module"),
            OwnEngine.Image("7", "registry:5000/agent:7"),
        ];
        var uses = Enumerable.Range(1, 6).Select(number => new ImageUse(
            $"{number}", DateTimeOffset.UnixEpoch.AddDays(number))
        {
            Names = number == 3 ? ["registry:5000/agent:latest"] : [], // A newer image took over that name.
        });

        var kept = new KeptImages(new ImageGarbageCollectionOptions { KeepNewest = newest }).Among(
            images, [.. uses], inUse.Split(' ').ToHashSet());

        Assert.Equal(expected, string.Join(' ', kept.Keys.Order()));
        Assert.All(kept.Values, rule => Assert.Matches(
            $@"^KeepNewest {newest} of (registry:5000/agent|module)$", rule));
    }

    [Theory]
    [InlineData("registry/agnt", "registry/agent:1.5")]
    [InlineData("Registry/Agent:1.5", "registry/agent:1.5")]
    [InlineData("^registry/agent.*$", "registry/agent:1.5")]
    [InlineData("modul", "module:2")]
    public void An_entry_that_matches_nothing_is_reported_with_the_nearest_name(string entry, string nearest)
    {
        EngineImage[] images = [OwnEngine.Image("a", "registry/agent:1.5"), OwnEngine.Image("b", "module:2")];
        var options = new ImageGarbageCollectionOptions { KeepImages = { entry, "module:*" } };

        Assert.Equal([(entry, nearest)], new KeptImages(options).MatchingNone(images));
        Assert.Equal([(entry, null), ("module:*", null)], new KeptImages(options).MatchingNone([]));
    }

    private static bool Keeps(string entry, EngineImage image) =>
        new KeptImages(new ImageGarbageCollectionOptions { KeepImages = { entry } })
            .Among([image], [], new HashSet<string>()).GetValueOrDefault(image.ImageId) == $"KeepImages {entry}";
}
