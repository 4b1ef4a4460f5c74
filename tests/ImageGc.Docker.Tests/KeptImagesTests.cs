namespace ImageGc.Docker.Tests;

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
        Assert.Equal(expected, new KeptImages([kept]).Include(new EngineImage("sha256:1", [name])));
}
