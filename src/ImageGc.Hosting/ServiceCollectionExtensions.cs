using ImageGc.Sqlite;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace ImageGc.Hosting;

/// <summary>Registers image garbage collection in a host.</summary>
public static class ServiceCollectionExtensions
{
    /// <summary>
    /// Registers the <see cref="ImageUseStore"/>, the engine, the worker that removes images on schedule, a health
    /// check (`image-garbage-collection`) and the meter `ImageGc`.
    /// </summary>
    /// <param name="services">The services of the host.</param>
    /// <param name="section">The settings, named as in <see cref="ImageGarbageCollectionOptions"/>.</param>
    /// <returns>The same services. Call it once.</returns>
    /// <remarks>
    /// A wrong setting stops the start with a message that names it. After that nothing here ends the host.
    /// </remarks>
    /// <exception cref="ArgumentNullException">One of them is null.</exception>
    public static IServiceCollection AddImageGarbageCollection(this IServiceCollection services, IConfiguration section)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(section);

        services.AddSingleton<IConfigureOptions<ImageGarbageCollectionOptions>>(new OptionsBinder(section));
        services.AddSingleton<IValidateOptions<ImageGarbageCollectionOptions>, OptionsValidator>();
        services.AddOptions<ImageGarbageCollectionOptions>().ValidateOnStart();

        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton<IContainerEngine, DockerEngine>();
        services.TryAddSingleton(OpenStore);

        // Asked for at each use: a store that cannot be opened now may open later, and must not stop the host.
        services.AddSingleton<Func<ImageUseStore>>(provider => provider.GetRequiredService<ImageUseStore>);
        services.AddSingleton<Metrics>();
        services.AddSingleton<Cleanup>();
        services.AddSingleton<CleanupHealth>();
        services.AddHealthChecks().AddCheck<CleanupHealth>("image-garbage-collection");
        services.AddSingleton<Tracking>();
        services.AddHostedService<TrackingWorker>();
        services.AddHostedService<CleanupWorker>();
        services.AddSingleton<DiskPressureWorker>();
        services.AddHostedService(provider => provider.GetRequiredService<DiskPressureWorker>());
        return services;
    }

    private static ImageUseStore OpenStore(IServiceProvider provider)
    {
        var options = provider.GetRequiredService<IOptions<ImageGarbageCollectionOptions>>().Value;
        return ImageUseStore.Open(
            new ImageUseStoreOptions
            {
                DatabasePath = options.DatabasePath,
                FlatFilePath = options.FlatFilePath,
                Durability = options.Durability,
                ClockSettleTime = options.ClockSettleTime,
                ImageAgeCleanupThreshold = options.ImageAgeCleanupThreshold,
            },
            provider.GetRequiredService<TimeProvider>(),
            provider.GetService<ILoggerFactory>());
    }
}
