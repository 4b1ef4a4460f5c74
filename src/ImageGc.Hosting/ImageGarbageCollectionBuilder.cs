using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace ImageGc.Hosting;

/// <summary>Adds the container engine whose unused images are removed.</summary>
public sealed class ImageGarbageCollectionBuilder
{
    private readonly List<string> _engineSettings = [];

    internal ImageGarbageCollectionBuilder(IServiceCollection services, IConfiguration? section)
    {
        Services = services;
        Section = section;
    }

    /// <summary>The services of the host.</summary>
    public IServiceCollection Services { get; }

    /// <summary>The configuration section with the settings; null if they come from code.</summary>
    public IConfiguration? Section { get; }

    internal IReadOnlyList<string> EngineSettings => _engineSettings;

    /// <summary>Registers the engine as a singleton. If you call it more than once, the last engine is used.</summary>
    /// <typeparam name="TEngine">The engine. Its constructor can take services.</typeparam>
    /// <param name="settings">
    /// The settings that the engine reads from <see cref="Section"/>. If the section has any other setting, the host
    /// does not start.
    /// </param>
    public ImageGarbageCollectionBuilder AddEngine<
        [DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] TEngine>(
        params string[] settings)
        where TEngine : class, IContainerEngine
    {
        Services.AddSingleton<IContainerEngine, TEngine>();
        _engineSettings.AddRange(settings);
        return this;
    }
}
