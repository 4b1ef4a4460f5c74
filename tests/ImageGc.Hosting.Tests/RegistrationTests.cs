using ImageGc.Sqlite;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace ImageGc.Hosting.Tests;

/// <summary>Registration in a host, and the services that the host gets.</summary>
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
    public void A_second_call_of_AddImageGarbageCollection_throws()
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

    public static TheoryData<string, Action<ImageGarbageCollectionOptions>> RefusedByTheStore => new()
    {
        { "DatabasePath", options => options.DatabasePath = ":memory:" },
        { "FlatFilePath", options => options.FlatFilePath = " " },
        { "FlatFilePath", options => options.FlatFilePath = options.DatabasePath },
        { "BusyTimeout", options => options.BusyTimeout = TimeSpan.FromSeconds(-1) },
        { "ClockSettleTime", options => options.ClockSettleTime = TimeSpan.FromSeconds(-1) },
        { "ImageAgeCleanupThreshold", options => options.ImageAgeCleanupThreshold = TimeSpan.FromDays(-1) },
        { "Durability", options => options.Durability = (Durability)7 },
    };

    [Theory]
    [MemberData(nameof(RefusedByTheStore))]
    public async Task A_setting_in_code_that_the_store_refuses_stops_the_start_with_a_message_that_names_it(
        string name, Action<ImageGarbageCollectionOptions> set)
    {
        var builder = Host.CreateApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        builder.Services.AddImageGarbageCollection(options =>
        {
            options.DatabasePath = PathOf("image_use.db");
            set(options);
        }).AddEngine<OwnEngine>();
        using var host = builder.Build();

        var refused = await Assert.ThrowsAsync<OptionsValidationException>(() => host.StartAsync(Cancel));

        Assert.StartsWith(name, Assert.Single(refused.Failures), StringComparison.Ordinal);
        Assert.False(File.Exists(PathOf("image_use.db")));
    }

    [Fact]
    public void A_recorder_logs_storage_failures_works_again_after_them_and_throws_only_on_misuse()
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
    public async Task A_health_check_has_the_name_the_tags_and_the_failure_status_that_the_host_gives_it()
    {
        using var host = Build(("DatabasePath", PathOf("missing/image_use.db")));
        var checks = new ServiceCollection().AddLogging();
        checks.AddSingleton(host.Services.GetRequiredService<Health>());
        checks.AddHealthChecks().AddImageGarbageCollection("images", HealthStatus.Degraded, ["ready"]);
        using var provider = checks.BuildServiceProvider();

        var health = provider.GetRequiredService<HealthCheckService>();

        var broken = (await health.CheckHealthAsync(Cancel)).Entries["images"];
        Directory.CreateDirectory(PathOf("missing"));
        var working = (await health.CheckHealthAsync(Cancel)).Entries["images"];

        Assert.Equal(["ready"], broken.Tags);
        Assert.Equal((HealthStatus.Degraded, HealthStatus.Healthy), (broken.Status, working.Status));
    }
}
