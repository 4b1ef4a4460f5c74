using ImageGc.Docker;
using ImageGc.Hosting;
using Microsoft.Extensions.Options;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers Docker as the engine of image garbage collection.</summary>
public static class DockerImageGarbageCollectionBuilderExtensions
{
    /// <summary>Adds Docker, Moby or Podman as the engine whose images are collected.</summary>
    /// <param name="builder">The builder that <c>AddImageGarbageCollection</c> returned.</param>
    /// <param name="configure">Sets options in code, which override the configuration section of the builder.</param>
    /// <remarks>If a setting is wrong, the start of the host fails with a message that names it.</remarks>
    /// <exception cref="ArgumentNullException"><paramref name="builder"/> is null.</exception>
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
