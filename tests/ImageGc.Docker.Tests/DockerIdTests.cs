using System.Net;
using ImageGc.Hosting;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace ImageGc.Docker.Tests;

public sealed class DockerIdTests
{
    [Theory]
    [InlineData("4.2.1", false)]
    [InlineData("3.0.1", false)]
    [InlineData("4.3.1", true)]
    [InlineData("5.0.0-dev", true)]
    public async Task A_Podman_before_4_3_is_refused_with_the_reason(string version, bool accepted)
    {
        using var podman = new LoopbackServer((_, address) => new FakeAnswer(
            HttpStatusCode.OK, address.AbsolutePath.EndsWith("/json", StringComparison.Ordinal)
                ? Array.Empty<string>()
                : new
                {
                    ApiVersion = "1.41",
                    Components = new[] { new { Name = "Podman Engine", Version = version } },
                }));
        using var engine = new DockerEngine(
            Options.Create(new DockerOptions { EngineAddress = podman.Address }), NullLogger<DockerEngine>.Instance);

        var refused = await Record.ExceptionAsync(() => engine.ListImagesAsync(TestContext.Current.CancellationToken));

        var reason = $"The engine at {podman.Address} is Podman {version}. Update it to 4.3 or newer.";
        Assert.Equal(accepted ? null : reason, (refused as EngineUnavailableException)?.Message);
    }

    [Theory]
    [InlineData("")] // Docker reports this while it builds.
    [InlineData("sha256:")] // Podman reports this for --rootfs.
    public async Task A_container_without_an_image_uses_none(string reported)
    {
        using var docker = new LoopbackServer((_, address) => new FakeAnswer(
            HttpStatusCode.OK, address.AbsolutePath.EndsWith("/json", StringComparison.Ordinal)
                ? new[] { new { Id = "c1", ImageID = reported, Image = "" } }
                : new { ApiVersion = "1.41" }));
        using var engine = new DockerEngine(
            Options.Create(new DockerOptions { EngineAddress = docker.Address }), NullLogger<DockerEngine>.Instance);

        var containers = await engine.ListContainersAsync(TestContext.Current.CancellationToken);

        Assert.Empty(Assert.Single(containers).ImageIds);
    }

    [Theory]
    [InlineData("agent:1")]
    [InlineData("")]
    [InlineData("sha256:")]
    [InlineData("0a82b53d6f820a82b53d6f820a82b53d6f820a82b53d6f820a82b53d6f82abcd")]
    public async Task A_container_without_the_whole_ID_of_its_image_is_refused(string reported)
    {
        using var docker = new LoopbackServer((_, address) => new FakeAnswer(
            HttpStatusCode.OK, address.AbsolutePath.EndsWith("/json", StringComparison.Ordinal)
                ? new[] { new { Id = "c1", ImageID = reported, Image = "agent:1" } }
                : new { ApiVersion = "1.41" }));
        using var engine = new DockerEngine(
            Options.Create(new DockerOptions { EngineAddress = docker.Address }), NullLogger<DockerEngine>.Instance);

        var refused = await Assert.ThrowsAsync<InvalidDataException>(
            () => engine.ListContainersAsync(TestContext.Current.CancellationToken));

        Assert.Contains("image ID of container c1", refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("../containers/x")]
    [InlineData("agent:1.5")]
    [InlineData("sha256:0a82b53d6f82")]
    [InlineData("0a82b53d6f820a82b53d6f820a82b53d6f820a82b53d6f820a82b53d6f82abcd")]
    public async Task Text_that_is_not_an_image_ID_is_never_sent_to_the_engine(string imageId)
    {
        using var engine = new DockerEngine(Options.Create(new DockerOptions
        {
            EngineAddress = new Uri("unix:///nowhere"),
        }), NullLogger<DockerEngine>.Instance);

        var refused = await Assert.ThrowsAsync<InvalidDataException>(
            () => engine.RemoveImageAsync(imageId, TestContext.Current.CancellationToken));

        Assert.Contains($"'{imageId}' is not an image ID of Docker", refused.Message, StringComparison.Ordinal);
    }
}
