using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace ImageGc.Docker.Tests;

public sealed class DockerIdTests
{
    [Theory]
    [InlineData("../containers/x")]
    [InlineData("agent:1.5")]
    [InlineData("sha256:0a82b53d6f82")]
    [InlineData("0a82b53d6f820a82b53d6f820a82b53d6f820a82b53d6f820a82b53d6f82abcd")]
    public async Task What_is_no_ID_of_an_image_is_never_sent_to_the_engine(string imageId)
    {
        using var engine = new DockerEngine(Options.Create(new DockerOptions
        {
            EngineAddress = new Uri("unix:///nowhere"),
        }), NullLogger<DockerEngine>.Instance);

        var refused = await Assert.ThrowsAsync<InvalidDataException>(
            () => engine.RemoveImageAsync(imageId, TestContext.Current.CancellationToken));

        Assert.Contains($"'{imageId}' is no image ID of Docker's", refused.Message, StringComparison.Ordinal);
    }
}
