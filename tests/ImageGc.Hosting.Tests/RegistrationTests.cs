using ImageGc.Sqlite;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace ImageGc.Hosting.Tests;

/// <summary>What a host registers, and what it gets.</summary>
public sealed class RegistrationTests : HostTest
{
    [Fact]
    public void Settings_may_come_from_code()
    {
        var services = new ServiceCollection().AddLogging();
        services.AddImageGarbageCollection(options => options.DatabasePath = PathOf("image_use.db"))
            .AddEngine<OwnEngine>();
        using var provider = services.BuildServiceProvider();

        provider.GetRequiredService<IImageUseRecorder>().Record("recorded");

        Assert.NotNull(provider.GetRequiredService<ImageUseStore>().Find("recorded"));
    }

    [Fact]
    public void A_second_call_fails_at_the_call()
    {
        var services = new ServiceCollection();
        services.AddImageGarbageCollection(_ => { });

        var failure = Assert.Throws<InvalidOperationException>(
            () => services.AddImageGarbageCollection(new ConfigurationBuilder().Build()));

        Assert.Contains("Call it once", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_host_without_an_engine_does_not_start_and_says_what_to_call()
    {
        var builder = Host.CreateApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        builder.Services.AddImageGarbageCollection(options => options.DatabasePath = PathOf("image_use.db"));
        using var host = builder.Build();

        var failure = await Assert.ThrowsAsync<InvalidOperationException>(() => host.StartAsync(Cancel));

        Assert.Contains("Call AddDocker() or AddEngine", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_the_store_would_refuse_stops_the_start_with_the_name_of_the_setting()
    {
        foreach (var (name, set) in ((string, Action<ImageGarbageCollectionOptions>)[])
            [
                ("DatabasePath", options => options.DatabasePath = ":memory:"),
                ("FlatFilePath", options => options.FlatFilePath = " "),
                ("FlatFilePath", options => options.FlatFilePath = options.DatabasePath),
                ("BusyTimeout", options => options.BusyTimeout = TimeSpan.FromSeconds(-1)),
                ("ClockSettleTime", options => options.ClockSettleTime = TimeSpan.FromSeconds(-1)),
                ("ImageAgeCleanupThreshold", options => options.ImageAgeCleanupThreshold = TimeSpan.FromDays(-1)),
                ("Durability", options => options.Durability = (Durability)7),
            ])
        {
            var options = new ImageGarbageCollectionOptions { DatabasePath = "x.db" };
            set(options);

            Assert.StartsWith(name, Assert.Single(new OptionsValidator(() => true).Validate(null, options).Failures!),
                StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_recorder_logs_a_storage_failure_and_goes_on_once_it_has_passed()
    {
        using var host = Build(("DatabasePath", PathOf("missing/image_use.db")));
        var recorder = host.Services.GetRequiredService<IImageUseRecorder>();

        recorder.Record("lost");
        Directory.CreateDirectory(PathOf("missing"));
        recorder.Record("recorded");

        Assert.StartsWith("Could not record the use of lost: ", Assert.Single(Log.Messages(LogLevel.Error)),
            StringComparison.Ordinal);
        Assert.Equal("recorded", Assert.Single(StoreOf(host).List()).ImageId);
        Assert.Throws<ArgumentException>(() => recorder.Record("two words"));
    }

    [Fact]
    public async Task A_health_check_has_the_name_that_the_host_gives_it()
    {
        using var host = Build();
        var checks = new ServiceCollection().AddLogging();
        checks.AddSingleton(host.Services.GetRequiredService<Health>());
        checks.AddHealthChecks().AddImageGarbageCollection("images", tags: ["ready"]);
        using var provider = checks.BuildServiceProvider();

        var report = await provider.GetRequiredService<HealthCheckService>().CheckHealthAsync(Cancel);

        Assert.Equal(["ready"], report.Entries["images"].Tags);
        Assert.Equal(HealthStatus.Healthy, report.Status);
    }
}
