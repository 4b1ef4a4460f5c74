using ImageGc.Hosting;
using ImageGc.Sqlite;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace ImageGc.Docker.Tests;

/// <summary>A host that records by watching a real engine.</summary>
public abstract class WatchTest(PrivateEngine engine) : EngineTest(engine)
{
    private protected async Task<Watch> WatchAsync(params (string Name, string Value)[] settings)
    {
        var services = Services([.. settings, ("WatchContainers", "true")]);
        var watching = new Watch(services);
        await watching.Worker.StartAsync(Cancel);
        await UntilAsync(() => Watches == 1);
        return watching;
    }

    /// <summary>How often it began to watch, including renewals, which are logged at Debug.</summary>
    protected int Watches => Log.Messages(LogLevel.Information).Concat(Log.Messages(LogLevel.Debug))
        .Count(message => message.StartsWith("Watching", StringComparison.Ordinal));

    private protected sealed class Watch(ServiceProvider services) : IAsyncDisposable
    {
        public ServiceProvider Services { get; } = services;

        public ImageUseStore Store => StoreOf(Services);

        public IEnumerable<string> Tracked => Store.List().Select(image => image.ImageId);

        public TrackingWorker Worker { get; } =
            services.GetServices<IHostedService>().OfType<TrackingWorker>().Single();

        public async ValueTask DisposeAsync() => await Worker.StopAsync(CancellationToken.None);
    }
}
