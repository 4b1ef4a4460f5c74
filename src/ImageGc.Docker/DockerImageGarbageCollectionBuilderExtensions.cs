using ImageGc.Docker;
using ImageGc.Hosting;
using Microsoft.Extensions.Options;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers Docker as the engine of image garbage collection.</summary>
public static class DockerImageGarbageCollectionBuilderExtensions
{
    /// <summary>Collects the images of Docker, Moby or Podman.</summary>
    /// <param name="builder">What <c>AddImageGarbageCollection</c> returned.</param>
    /// <param name="configure">Sets what the section of the builder does not; wins over it.</param>
    /// <remarks>A wrong setting stops the start with a message that names it.</remarks>
    public static ImageGarbageCollectionBuilder AddDocker(
        this ImageGarbageCollectionBuilder builder, Action<DockerOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        var settings = new DockerSettings(builder.Section);
        builder.Services.AddSingleton<IConfigureOptions<DockerOptions>>(settings);
        builder.Services.AddSingleton<IValidateOptions<DockerOptions>>(settings);
        var options = builder.Services.AddOptions<DockerOptions>().ValidateOnStart();
        if (configure is not null)
            options.Configure(configure);
        return builder.AddEngine<DockerEngine>(DockerSettings.Names);
    }
}
