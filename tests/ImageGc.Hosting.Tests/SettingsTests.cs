using ImageGc.Sqlite;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace ImageGc.Hosting.Tests;

/// <summary>Settings as people write them, and the message when one is wrong.</summary>
public sealed class SettingsTests
{
    [Fact]
    public void The_defaults_are_those_of_Azure_IoT_Edge_and_everything_else_is_off()
    {
        var options = Read(("DatabasePath", "image_use.db"));

        Assert.True(options.Enabled);
        Assert.Equal(TimeSpan.FromDays(1), options.CleanupRecurrence);
        Assert.Equal(TimeSpan.FromDays(7), options.ImageAgeCleanupThreshold);
        Assert.Equal(new TimeOnly(0, 0), options.CleanupTime);
        Assert.False(options.WatchContainers);
        Assert.Null(options.HighThreshold);
    }

    [Fact]
    public void Every_setting_is_read_as_people_write_it() =>
        Assert.All(typeof(ImageGarbageCollectionOptions).GetProperties(), setting =>
        {
            var (text, value) = Written[setting.Name];

            var read = Read(("DatabasePath", "x.db"), ("HighThreshold", "90%"), (setting.Name, text));
            Assert.Equal(value, setting.GetValue(read));
            Assert.NotEqual(value, setting.GetValue(new ImageGarbageCollectionOptions()));
        });

    [Fact]
    public void The_store_is_opened_with_every_setting_that_it_knows() =>
        Assert.All(
            typeof(ImageUseStoreOptions).GetProperties().Where(option => option.Name != "ReadOnly"),
            option =>
            {
                var (text, value) = Written[option.Name];

                var opened = Read(("DatabasePath", "x.db"), (option.Name, text)).ToStoreOptions();

                Assert.Equal(value, option.GetValue(opened));
            });

    private static readonly Dictionary<string, (string Text, object Value)> Written = new()
    {
        ["Enabled"] = ("false", false),
        ["CleanupRecurrence"] = ("3d", TimeSpan.FromDays(3)),
        ["ImageAgeCleanupThreshold"] = ("12h", TimeSpan.FromHours(12)),
        ["CleanupTime"] = ("23:59", new TimeOnly(23, 59)),
        ["DatabasePath"] = ("image_use.db", "image_use.db"),
        ["FlatFilePath"] = ("image_use", "image_use"),
        ["Durability"] = ("normal", Durability.Normal),
        ["BusyTimeout"] = ("30s", TimeSpan.FromSeconds(30)),
        ["ClockSettleTime"] = ("10m", TimeSpan.FromMinutes(10)),
        ["KeepImages"] = ("registry/agent:*", new List<string> { "registry/agent:*" }),
        ["KeepLabels"] = ("keep=true", new List<string> { "keep=true" }),
        ["KeepNewest"] = ("2", 2),
        ["WatchContainers"] = ("true", true),
        ["TrackImages"] = ("pulled", TrackImages.Pulled),
        ["OwnerLabel"] = ("owner=edge", "owner=edge"),
        ["HighThreshold"] = ("85%", DiskThreshold.OfUsedPercent(85)),
        ["LowThreshold"] = ("70", DiskThreshold.OfUsedPercent(70)),
        ["DiskCheckInterval"] = ("90s", TimeSpan.FromSeconds(90)),
        ["ImageDirectory"] = ("/var/lib/containerd", "/var/lib/containerd"),
        ["MinimumAge"] = ("1.00:00:00", TimeSpan.FromDays(1)),
    };

    [Theory]
    [InlineData("a:1, b")]
    [InlineData("""["a:1", "b"]""")]
    [InlineData(""" [ "a:1","b" ] """)]
    public void A_list_may_be_one_text_with_commas_or_a_JSON_list(string list)
    {
        var options = Read(("DatabasePath", "x.db"), ("KeepImages", list), ("KeepLabels", list));

        Assert.Equal(["a:1", "b"], options.KeepImages);
        Assert.Equal(["a:1", "b"], options.KeepLabels);
    }

    [Theory]
    [InlineData("Enabled", "maybe")]
    [InlineData("CleanupRecurrence", "12h")]
    [InlineData("CleanupRecurrence", "0d")]
    [InlineData("CleanupRecurrence", "often")]
    [InlineData("ImageAgeCleanupThreshold", "-1d")]
    [InlineData("ImageAgeCleanupThreshold", "7")]
    [InlineData("CleanupTime", "24:00")]
    [InlineData("CleanupTime", "7:30")]
    [InlineData("CleanupTime", "12:30 PM")]
    [InlineData("DatabasePath", " ")]
    [InlineData("FlatFilePath", " ")]
    [InlineData("OwnerLabel", " ")]
    [InlineData("OwnerLabel", "=edge")]
    [InlineData("BusyTimeout", "30d")]
    [InlineData("EngineAddress", "tcp://127.0.0.1:2375")] // A setting of another engine.
    [InlineData("Durability", "2")]
    [InlineData("HighThreshold", "101%")]
    [InlineData("HighThreshold", "0")]
    [InlineData("HighThreshold", "0MB")]
    [InlineData("HighThreshold", "2 bananas")]
    [InlineData("HighThreshold", "-2GB")]
    [InlineData("LowThreshold", "80")]
    [InlineData("MinimumAge", "-1m")]
    [InlineData("DiskCheckInterval", "9s")]
    [InlineData("DiskCheckInterval", "2d")]
    [InlineData("ImageDirectory", " ")]
    [InlineData("ClockSettleTime", "400d")]
    [InlineData("KeepImages:0", " ")]
    [InlineData("KeepImages", "[a:1, b]")]
    [InlineData("KeepImages", "[1, 2]")]
    [InlineData("KeepLabels", "=true")]
    [InlineData("KeepNewest", "-1")]
    [InlineData("KeepNewest", "all")]
    [InlineData("TrackImages", "some")]
    [InlineData("KeepImage", "agent")]
    [InlineData("Enabled:0", "false")] // A list where one value belongs.
    [InlineData("ImageAgeCleanupThreshold:0", "30d")]
    [InlineData("OwnerLabel:Name", "edge")]
    public async Task A_wrong_setting_stops_the_start_with_a_message_that_names_it(string name, string value)
    {
        var wrong = await Refused(name, value);

        Assert.Contains(name.Split(':')[0], wrong.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_engine_may_have_its_own_settings_in_the_same_section()
    {
        var section = new ConfigurationBuilder().AddInMemoryCollection(
            [new("DatabasePath", "x.db"), new("EngineAddress", "unix:///x")]).Build();
        var services = new ServiceCollection().AddLogging();
        services.AddImageGarbageCollection(section).AddEngine<OwnEngine>("EngineAddress");
        using var provider = services.BuildServiceProvider();

        Assert.Equal("x.db", provider.GetRequiredService<IOptions<ImageGarbageCollectionOptions>>().Value.DatabasePath);
        Assert.IsType<OwnEngine>(provider.GetRequiredService<IContainerEngine>());
    }

    [Fact]
    public void A_negative_age_in_code_is_refused()
    {
        var options = new ImageGarbageCollectionOptions { DatabasePath = "x.db", MinimumAge = TimeSpan.FromTicks(-1) };

        Assert.Equal(
            ["MinimumAge is negative: use 0 or more."],
            new OptionsValidator(() => true).Validate(null, options).Failures ?? []);
    }

    [Theory]
    [InlineData("2GB", "2GB", false)]
    [InlineData("2GB", "2.1GB", true)]
    [InlineData("2GB", "50%", true)] // Which of them is less full depends on the disk.
    [InlineData(null, "50%", false)]
    public void The_low_threshold_must_be_less_full_than_the_high_one(string? high, string low, bool isRight)
    {
        static DiskThreshold Read(string text) => DiskThreshold.TryParse(text, out var read) ? read : default;
        var options = new ImageGarbageCollectionOptions
        {
            DatabasePath = "x.db",
            HighThreshold = high is null ? null : Read(high),
            LowThreshold = Read(low),
        };

        Assert.Equal(isRight, new OptionsValidator(() => true).Validate(null, options).Succeeded);
    }

    [Fact]
    public void OwnerLabel_is_refused_unless_TrackImages_is_Containers()
    {
        var options = new ImageGarbageCollectionOptions
        {
            DatabasePath = "x.db",
            OwnerLabel = "edge",
            TrackImages = TrackImages.Pulled,
        };

        Assert.Equal(
            "TrackImages is Pulled and OwnerLabel is set, but the label selects containers. Use Containers, or leave "
            + "the label out.",
            new OptionsValidator(() => true).Validate(null, options).FailureMessage);
    }

    private static async Task<OptionsValidationException> Refused(string name, string value)
    {
        var builder = Host.CreateApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        var settings = new Dictionary<string, string?>
        {
            ["Gc:DatabasePath"] = "x.db",
            ["Gc:HighThreshold"] = "80",
            [$"Gc:{name}"] = value,
        };
        builder.Configuration.AddInMemoryCollection(settings);
        builder.Services.AddImageGarbageCollection(builder.Configuration.GetSection("Gc")).AddEngine<OwnEngine>();
        using var host = builder.Build();

        return await Assert.ThrowsAsync<OptionsValidationException>(
            () => host.StartAsync(TestContext.Current.CancellationToken));
    }

    private static ImageGarbageCollectionOptions Read(params (string Name, string Value)[] settings)
    {
        var section = new ConfigurationBuilder()
            .AddInMemoryCollection(
                settings.ToLookup(setting => setting.Name, setting => (string?)setting.Value)
                    .Select(setting => KeyValuePair.Create(setting.Key, setting.Last())))
            .Build();
        var collection = new ServiceCollection().AddLogging();
        collection.AddImageGarbageCollection(section);
        using var services = collection.BuildServiceProvider();
        return services.GetRequiredService<IOptions<ImageGarbageCollectionOptions>>().Value;
    }
}
