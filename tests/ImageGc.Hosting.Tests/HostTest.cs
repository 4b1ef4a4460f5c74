using ImageGc.Sqlite;
using ImageGc.Sqlite.Tests;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace ImageGc.Hosting.Tests;

/// <summary>A host with a real database, an engine of the runtime's own, and a clock that the test moves.</summary>
public abstract class HostTest : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("imagegc-");

    internal SteppingTime Time { get; } = new();

    internal RecordingLog Log { get; } = new();

    internal OwnEngine Engine { get; } = new();

    /// <summary>Opens the store of a host that brings its own; null if the host opens the database itself.</summary>
    protected Func<IServiceProvider, ImageUseStore>? OwnStore { get; set; }

    /// <summary>Receives the status of the host, if set.</summary>
    protected IProgress<HostStatus>? Listener { get; set; }

    /// <summary>How many timers run while the workers of the host have nothing to do.</summary>
    protected int Workers { get; set; } = 1;

    protected static CancellationToken Cancel => TestContext.Current.CancellationToken;

    protected string PathOf(string name) => Path.Combine(_directory.FullName, name);

    protected IHost Build(params (string Name, string Value)[] settings)
    {
        var builder = Host.CreateApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        builder.Configuration.AddInMemoryCollection([new("Gc:DatabasePath", PathOf("image_use.db"))]);
        builder.Configuration.AddInMemoryCollection(
            settings.Select(setting => KeyValuePair.Create($"Gc:{setting.Name}", (string?)setting.Value)));
        builder.Services.AddSingleton<TimeProvider>(Time);
        builder.Services.AddSingleton<ILoggerFactory>(Log);
        builder.Services.AddSingleton<IContainerEngine>(Engine);
        if (OwnStore is not null)
            builder.Services.AddSingleton(OwnStore);
        if (Listener is not null)
            builder.Services.AddSingleton(Listener);
        builder.Services.AddImageGarbageCollection(builder.Configuration.GetSection("Gc"));
        builder.Services.AddHealthChecks().AddImageGarbageCollection();
        return builder.Build();
    }

    /// <summary>The problems of a host as other programs read them.</summary>
    protected static IReadOnlyList<HostProblem> ProblemsOf(IHost host) =>
        HostStatus.ReadFrom(StoreOf(host))?.Problems ?? [];

    protected static bool IsRunning(IHost host) => !host.Services.GetRequiredService<IHostApplicationLifetime>()
        .ApplicationStopping.IsCancellationRequested;

    protected static IImageGarbageCollector Collector(IHost host) =>
        host.Services.GetRequiredService<IImageGarbageCollector>();

    protected static ImageUseStore StoreOf(IHost host) => host.Services.GetRequiredService<ImageUseStore>();

    /// <summary>Time passes minute by minute, and the workers do what is due.</summary>
    protected async Task LiveAsync(TimeSpan time)
    {
        var minute = TimeSpan.FromMinutes(1);
        for (var lived = TimeSpan.Zero; lived < time; lived += minute)
        {
            await SleepAsync();
            Time.Pass(minute);
        }

        await SleepAsync();
    }

    /// <summary>Returns when the workers have done what was due, and wait for time to pass.</summary>
    protected Task SleepAsync() => EndAsync(
        Time.WaitForTimersAsync(Workers), $"{Workers} workers wait for time to pass");

    public virtual void Dispose()
    {
        _directory.Delete(recursive: true);
        GC.SuppressFinalize(this);
    }
}
