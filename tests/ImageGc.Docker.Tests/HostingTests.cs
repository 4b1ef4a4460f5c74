using System.Diagnostics.Metrics;
using ImageGc.Sqlite;
using ImageGc.Sqlite.Tests;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace ImageGc.Docker.Tests;

/// <summary>Garbage collection inside a host, with an engine of the runtime's own.</summary>
public sealed class HostingTests : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("imagegc-");
    private readonly SteppingTime _time = new();
    private readonly RecordingLog _log = new();
    private readonly OwnEngine _engine = new();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_host_removes_what_expired_when_a_cleanup_is_due()
    {
        using var host = Build();
        var store = host.Services.GetRequiredService<ImageUseStore>();
        store.RecordUse("old");
        _time.Pass(TimeSpan.FromDays(8));
        store.RecordUse("young");

        await host.StartAsync(Cancel);
        await UntilAsync(() => store.LastPrune() is { Removed: 1 });
        await host.StopAsync(Cancel);

        Assert.Equal(["old"], _engine.Removed);
        Assert.Equal(["young"], store.List().Select(image => image.ImageId));
    }

    [Fact]
    public async Task A_disabled_host_records_and_never_removes()
    {
        using var host = Build(("Enabled", "false"));
        var store = host.Services.GetRequiredService<ImageUseStore>();
        store.RecordUse("old");
        _time.Pass(TimeSpan.FromDays(8));

        await host.StartAsync(Cancel);
        await Task.Delay(200, Cancel);
        await host.StopAsync(Cancel);

        Assert.Empty(_engine.Removed);
        Assert.Null(store.LastPrune());
        Assert.Equal(["old"], store.List().Select(image => image.ImageId));
    }

    [Fact]
    public async Task A_failed_run_prunes_nothing_ends_nothing_and_shows_in_the_health()
    {
        using var host = Build();
        _engine.Failure = new IOException("The engine is away.");
        var store = host.Services.GetRequiredService<ImageUseStore>();
        store.RecordUse("old");
        _time.Pass(TimeSpan.FromDays(8));

        await host.StartAsync(Cancel);
        await UntilAsync(() => _log.Messages(LogLevel.Error).Count > 0);
        var health = await HealthAsync(host);
        var running = !host.Services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping.IsCancellationRequested;
        await host.StopAsync(Cancel);

        Assert.True(running);
        Assert.Equal(HealthStatus.Degraded, health.Status);
        Assert.Contains("The engine is away.", health.Description, StringComparison.Ordinal);
        Assert.Single(store.List());
    }

    [Fact]
    public async Task A_database_that_cannot_be_opened_does_not_end_the_host()
    {
        using var host = Build(("DatabasePath", Path.Combine(_directory.FullName, "missing", "image_use.db")));

        await host.StartAsync(Cancel);
        await UntilAsync(() => _log.Messages(LogLevel.Error).Count > 0);
        var health = await HealthAsync(host);
        await host.StopAsync(Cancel);

        Assert.Equal(HealthStatus.Unhealthy, health.Status);
    }

    [Fact]
    public async Task The_meter_tells_what_happened()
    {
        using var host = Build();
        using var listener = new MeterListener();
        var measured = new Dictionary<string, double>();
        listener.InstrumentPublished = (instrument, self) =>
        {
            if (instrument.Meter.Name == "ImageGc")
                self.EnableMeasurementEvents(instrument);
        };
        void Add(string name, double value)
        {
            lock (measured)
                measured[name] = measured.GetValueOrDefault(name) + value;
        }

        listener.SetMeasurementEventCallback<long>((instrument, value, _, _) => Add(instrument.Name, value));
        listener.SetMeasurementEventCallback<int>((instrument, value, _, _) => Add(instrument.Name, value));
        listener.SetMeasurementEventCallback<double>((instrument, _, _, _) => Add(instrument.Name, 1));
        listener.Start();
        var store = host.Services.GetRequiredService<ImageUseStore>();
        store.RecordUse(["stuck", "old"]);
        _time.Pass(TimeSpan.FromDays(8));

        await host.Services.GetRequiredService<Cleanup>().RunAsync(Cancel);
        listener.RecordObservableInstruments();

        Assert.True(measured["imagegc.records"] >= 2, "records"); // Tests that run beside this one count too.
        Assert.True(measured["imagegc.removals"] >= 1, "removals");
        Assert.True(measured["imagegc.failures"] >= 1, "failures");
        Assert.True(measured["imagegc.tracked"] >= 1, "tracked");
        Assert.True(measured["imagegc.run.duration"] >= 1, "duration");
    }

    [Fact]
    public async Task Nothing_is_pruned_when_the_images_to_keep_cannot_be_resolved()
    {
        using var host = Build(("KeepImages:0", "agent"));
        var store = host.Services.GetRequiredService<ImageUseStore>();
        store.RecordUse("old");
        _time.Pass(TimeSpan.FromDays(8));
        _engine.ImagesFailure = new IOException("No list.");

        await Assert.ThrowsAsync<IOException>(() => host.Services.GetRequiredService<Cleanup>().RunAsync(Cancel));

        Assert.Empty(_engine.Removed);
    }

    public void Dispose() => _directory.Delete(recursive: true);

    private IHost Build(params (string Name, string Value)[] settings)
    {
        var builder = Host.CreateApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        builder.Configuration.AddInMemoryCollection([new("Gc:DatabasePath", Path.Combine(_directory.FullName, "image_use.db"))]);
        builder.Configuration.AddInMemoryCollection(
            settings.Select(setting => KeyValuePair.Create($"Gc:{setting.Name}", (string?)setting.Value)));
        builder.Services.AddSingleton<TimeProvider>(_time);
        builder.Services.AddSingleton<ILoggerFactory>(_log);
        builder.Services.AddSingleton<IContainerEngine>(_engine);
        builder.Services.AddImageGarbageCollection(builder.Configuration.GetSection("Gc"));
        builder.Services.Configure<ImageGarbageCollectionOptions>(options => options.StartDelay = TimeSpan.Zero);
        return builder.Build();
    }

    private static async Task<HealthReportEntry> HealthAsync(IHost host) =>
        (await host.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync(Cancel)).Entries["image-garbage-collection"];

    private static async Task UntilAsync(Func<bool> condition)
    {
        while (!condition())
            await Task.Delay(5, Cancel);
    }

    /// <summary>An engine as a runtime without Docker would bring it: everything but `stuck` can be removed.</summary>
    private sealed class OwnEngine : IContainerEngine
    {
        public List<string> Removed { get; } = [];

        public Exception? Failure { get; set; }

        public Exception? ImagesFailure { get; set; }

        public Task<IReadOnlyCollection<string>> ListImagesInUseAsync(CancellationToken cancellationToken) =>
            Failure is null ? Task.FromResult<IReadOnlyCollection<string>>([]) : Task.FromException<IReadOnlyCollection<string>>(Failure);

        public Task<IReadOnlyCollection<EngineImage>> ListImagesAsync(CancellationToken cancellationToken) =>
            ImagesFailure is null
                ? Task.FromResult<IReadOnlyCollection<EngineImage>>([])
                : Task.FromException<IReadOnlyCollection<EngineImage>>(ImagesFailure);

        public Task RemoveImageAsync(string imageId, CancellationToken cancellationToken)
        {
            if (imageId == "stuck")
                return Task.FromException(new InvalidOperationException("It is stuck."));
            Removed.Add(imageId);
            return Task.CompletedTask;
        }
    }
}
