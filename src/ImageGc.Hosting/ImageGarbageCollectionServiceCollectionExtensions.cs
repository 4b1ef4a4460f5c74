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
    /// <see cref="ImageUseStore"/>, the workers that record, remove and make room, and the meter `ImageGc`.
    /// </summary>
    /// <param name="services">The services of the host.</param>
    /// <param name="section">The settings, named as in <see cref="ImageGarbageCollectionOptions"/>.</param>
    /// <returns>A builder that takes the engine.</returns>
    /// <remarks>
    /// A wrong setting, a file that is no database of ours, and a missing native library stop the start with a message
    /// that says so. After that only what cannot go on without a new start ends the host, with exit code 1: a database
    /// that was moved, deleted or damaged while it was open. Settings are read once: a change takes effect at the next
    /// start.
    /// </remarks>
    /// <exception cref="InvalidOperationException">It was called before.</exception>
    public static ImageGarbageCollectionBuilder AddImageGarbageCollection(
        this IServiceCollection services, IConfiguration section)
    {
        ArgumentNullException.ThrowIfNull(section);
        var builder = Add(services, section);
        services.AddSingleton<IConfigureOptions<ImageGarbageCollectionOptions>>(
            new OptionsBinder(section, builder.EngineSettings));
        return builder;
    }

    /// <summary>As above, with settings from code.</summary>
    /// <param name="services">The services of the host.</param>
    /// <param name="configure">Sets the settings.</param>
    /// <returns>A builder that takes the engine.</returns>
    /// <exception cref="InvalidOperationException">It was called before.</exception>
    public static ImageGarbageCollectionBuilder AddImageGarbageCollection(
        this IServiceCollection services, Action<ImageGarbageCollectionOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(configure);
        var builder = Add(services, section: null);
        services.Configure(configure);
        return builder;
    }

    /// <summary>
    /// Adds a health check: unhealthy while the database cannot be used, degraded while uses cannot be recorded, the
    /// engine cannot be watched, the last cleanup failed or the disk stays full. Its data say since when.
    /// </summary>
    /// <param name="builder">The health checks of the host.</param>
    /// <param name="name">Its name.</param>
    /// <param name="failureStatus">What to report while the database cannot be used; unhealthy by default.</param>
    /// <param name="tags">Its tags.</param>
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

        // A host that brings its own store does not name a database; it may register the store after this.
        services.AddSingleton<IValidateOptions<ImageGarbageCollectionOptions>>(new OptionsValidator(
            needsDatabase: () => services.Last(service => service.ServiceType == typeof(ImageUseStore))
                .ImplementationFactory == OpenStore));
        services.AddOptions<ImageGarbageCollectionOptions>().ValidateOnStart();
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton(OpenStore);
        services.TryAddSingleton<IContainerEngine>(_ => throw new InvalidOperationException(
            "No container engine is registered: call AddDocker() or AddEngine<TEngine>() on what "
            + $"{nameof(AddImageGarbageCollection)} returns."));

        // Asked for at each use: a store that cannot be opened now may open later, and must not stop the host.
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
        services.AddHostedService<CleanupWorker>(); // The first: it stops a start that is in vain.
        services.AddHostedService<TrackingWorker>();
        services.AddSingleton<DiskPressureWorker>();
        services.AddHostedService(provider => provider.GetRequiredService<DiskPressureWorker>());
        return new ImageGarbageCollectionBuilder(services, section);
    }

    private static readonly Func<IServiceProvider, ImageUseStore> OpenStore = provider => ImageUseStore.Open(
        provider.GetRequiredService<IOptions<ImageGarbageCollectionOptions>>().Value.ToStoreOptions(),
        provider.GetRequiredService<TimeProvider>(),
        provider.GetService<ILoggerFactory>());
}
