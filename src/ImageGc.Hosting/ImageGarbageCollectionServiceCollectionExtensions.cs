using ImageGc.Hosting;
using ImageGc.Sqlite;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers image garbage collection in a host.</summary>
public static class ImageGarbageCollectionServiceCollectionExtensions
{
    /// <summary>
    /// Registers <see cref="IImageUseRecorder"/>, <see cref="IImageGarbageCollector"/>, the
    /// <see cref="ImageUseStore"/>, the workers that record uses, remove images and watch the disk, and the meter
    /// `ImageGc`.
    /// </summary>
    /// <param name="services">The services of the host.</param>
    /// <param name="section">The settings, named as in <see cref="ImageGarbageCollectionOptions"/>.</param>
    /// <returns>A builder to which you add the engine.</returns>
    /// <remarks>
    /// The start fails, with a message that says what to do, if a setting is wrong, the file is not a database of
    /// ImageGc, or SQLite's native library is missing. Later, the host ends only if the open database was moved,
    /// replaced, deleted or damaged, with exit code 1. Settings are read once: a change takes effect at the next start.
    /// </remarks>
    /// <exception cref="InvalidOperationException">The method was called before.</exception>
    public static ImageGarbageCollectionBuilder AddImageGarbageCollection(
        this IServiceCollection services, IConfiguration section)
    {
        ArgumentNullException.ThrowIfNull(section);
        var builder = Add(services, section);
        services.AddSingleton<IConfigureOptions<ImageGarbageCollectionOptions>>(
            new OptionsBinder(section, builder.EngineSettings));
        return builder;
    }

    /// <summary>Registers the same services, with settings from code.</summary>
    /// <param name="services">The services of the host.</param>
    /// <param name="configure">Sets the settings.</param>
    /// <returns>A builder to which you add the engine.</returns>
    /// <exception cref="InvalidOperationException">The method was called before.</exception>
    public static ImageGarbageCollectionBuilder AddImageGarbageCollection(
        this IServiceCollection services, Action<ImageGarbageCollectionOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(configure);
        var builder = Add(services, section: null);
        services.Configure(configure);
        return builder;
    }

    /// <summary>
    /// Adds a health check. It is unhealthy while the database cannot be used, and degraded while uses cannot be
    /// recorded, the engine cannot be watched, cleanups fail or the disk stays too full. Its data include since when.
    /// </summary>
    /// <param name="builder">The health checks of the host.</param>
    /// <param name="name">The name of the check.</param>
    /// <param name="failureStatus">The status while the database cannot be used; unhealthy by default.</param>
    /// <param name="tags">The tags of the check.</param>
    public static IHealthChecksBuilder AddImageGarbageCollection(
        this IHealthChecksBuilder builder, string name = "image-garbage-collection",
        HealthStatus? failureStatus = null, IEnumerable<string>? tags = null) =>
        builder.AddCheck<Health>(name, failureStatus, tags ?? []);

    private static ImageGarbageCollectionBuilder Add(IServiceCollection services, IConfiguration? section)
    {
        ArgumentNullException.ThrowIfNull(services);
        if (services.Any(service => service.ServiceType == typeof(Cleanup)))
            throw new InvalidOperationException(
                $"{nameof(AddImageGarbageCollection)} was called before. Call it once.");

        // A host that registers its own store needs no DatabasePath. It may do so after this call, so the validator
        // looks at the services when the host starts.
        services.AddSingleton<IValidateOptions<ImageGarbageCollectionOptions>>(new OptionsValidator(
            needsDatabase: () => services.Last(service => service.ServiceType == typeof(ImageUseStore))
                .ImplementationFactory == OpenStore));
        services.AddOptions<ImageGarbageCollectionOptions>().ValidateOnStart();
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton(OpenStore);
        services.TryAddSingleton<IContainerEngine>(_ => throw new InvalidOperationException(
            "No container engine is registered. Call AddDocker() or AddEngine<TEngine>() on the builder that "
            + $"{nameof(AddImageGarbageCollection)} returns."));

        // Resolved at each use: the container keeps no singleton whose factory threw, so a store that cannot be opened
        // now is tried again, and does not stop the host.
        services.AddSingleton<Func<ImageUseStore>>(provider => provider.GetRequiredService<ImageUseStore>);
        services.AddSingleton<IImageUseRecorder, ImageUseRecorder>();
        services.AddSingleton<IImageGarbageCollector, ImageGarbageCollector>();
        services.AddSingleton<Metrics>();
        services.AddSingleton<ImageDisk>();
        services.AddSingleton<CleanupRequests>();
        services.AddSingleton<Cleanup>();
        services.AddSingleton<HostState>();
        services.AddSingleton<Health>();
        services.AddSingleton<Tracking>();
        services.AddHostedService<CleanupWorker>(); // Must be the first: it opens the database and can fail the start.
        services.AddHostedService<TrackingWorker>();
        services.AddSingleton<DiskPressureWorker>(); // Others take it too, so it must be the same instance.
        services.AddHostedService(provider => provider.GetRequiredService<DiskPressureWorker>());
        return new ImageGarbageCollectionBuilder(services, section);
    }

    private static readonly Func<IServiceProvider, ImageUseStore> OpenStore = provider => ImageUseStore.Open(
        provider.GetRequiredService<IOptions<ImageGarbageCollectionOptions>>().Value.ToStoreOptions(),
        provider.GetRequiredService<TimeProvider>(),
        provider.GetService<ILoggerFactory>());
}
