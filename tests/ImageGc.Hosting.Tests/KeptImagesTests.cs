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
    [InlineData("*", "registry:5000/agent:1", true)]
    public void A_name_may_be_written_in_every_way_that_Docker_takes(string kept, string name, bool expected) =>
        Assert.Equal(expected, new KeptImages([kept]).Include(OwnEngine.Image("sha256:1", name)));

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
    public void An_ID_may_be_shortened_and_a_digest_counts_whatever_the_tag(string kept, bool expected) =>
        Assert.Equal(expected, new KeptImages([kept]).Include(OwnEngine.Image(
            "sha256:0a82b53d6f820a82b53d6f820a82b53d6f820a82b53d6f820a82b53d6f82abcd",
            "registry/agent@sha256:77", "registry:5000/agent@sha256:78")));
}
