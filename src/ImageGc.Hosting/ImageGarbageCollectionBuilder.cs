using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace ImageGc.Hosting;

/// <summary>Takes the container engine whose images are collected.</summary>
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

    /// <summary>The section that the settings come from; null if they come from code.</summary>
    public IConfiguration? Section { get; }

    internal IReadOnlyList<string> EngineSettings => _engineSettings;

    /// <summary>Registers the engine, as a singleton; the last one counts.</summary>
    /// <typeparam name="TEngine">The engine; its constructor may ask for services.</typeparam>
    /// <param name="settings">What it reads from <see cref="Section"/>: other unknown settings are refused.</param>
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
