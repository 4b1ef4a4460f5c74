using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace ImageGc.Docker.Tests;

/// <summary>The settings of Docker, which stand among those of hosting.</summary>
public sealed class DockerSettingsTests
{
    private static readonly string Readme = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "docker.md"));

    [Fact]
    public void The_engine_names_the_settings_by_which_other_programs_find_it()
    {
        var options = new DockerOptions
        {
            EngineAddress = new Uri("unix:///run/podman/my%20podman.sock"),
            EngineTimeout = TimeSpan.FromSeconds(90),
        };
        using var engine = new DockerEngine(Options.Create(options), NullLogger<DockerEngine>.Instance);

        Assert.Equal(
            new Dictionary<string, string>
            {
                ["EngineAddress"] = "unix:///run/podman/my%20podman.sock",
                ["EngineTimeout"] = "90s",
            },
            engine.Settings);
    }

    [Fact]
    public void Every_setting_is_read_as_people_write_it()
    {
        using var host = Build(
            ("EngineAddress", "tcp://127.0.0.1:2375"), ("EngineTimeout", "90s"));

        var options = host.Services.GetRequiredService<IOptions<DockerOptions>>().Value;

        Assert.Equal(new Uri("tcp://127.0.0.1:2375"), options.EngineAddress);
        Assert.Equal(TimeSpan.FromSeconds(90), options.EngineTimeout);
    }

    [Fact]
    public void Settings_from_code_override_the_configuration()
    {
        var services = new ServiceCollection();
        var section = new ConfigurationBuilder().AddInMemoryCollection([new("EngineTimeout", "90s")]).Build();
        services.AddImageGarbageCollection(section).AddDocker(docker => docker.EngineTimeout = TimeSpan.FromSeconds(1));
        using var provider = services.BuildServiceProvider();

        Assert.Equal(
            TimeSpan.FromSeconds(1), provider.GetRequiredService<IOptions<DockerOptions>>().Value.EngineTimeout);
    }

    [Theory]
    [InlineData("EngineAddress", "ssh://somewhere")]
    [InlineData("EngineAddress", "nowhere")]
    [InlineData("EngineAddress", "unix://")]
    [InlineData("EngineAddress", "tcp://127.0.0.1:99999")]
    [InlineData("EngineTimeout", "0")]
    [InlineData("EngineTimeout", "soon")]
    public async Task A_wrong_setting_stops_the_start_with_a_message_that_names_it(string name, string value)
    {
        var wrong = await Refused(name, value);

        Assert.Contains(name, wrong.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("tcp://user:secret@127.0.0.1:2375", "EngineAddress has a user name")]
    [InlineData("https://user:secret@127.0.0.1:2375", "EngineAddress is 'https://127.0.0.1:2375/': use unix:///path")]
    [InlineData("ssh://root@device", "EngineAddress is 'ssh://device/': use unix:///path")]
    public async Task Credentials_in_the_address_are_refused_and_never_shown(string address, string why)
    {
        var wrong = await Refused("EngineAddress", address);

        Assert.Contains(why, wrong.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", wrong.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void The_README_lists_every_setting() =>
        Assert.All(typeof(DockerOptions).GetProperties(), setting =>
            Assert.Contains($"| `{setting.Name}` |", Readme, StringComparison.Ordinal));

    private static async Task<OptionsValidationException> Refused(string name, string value)
    {
        using var host = Build((name, value));

        return await Assert.ThrowsAsync<OptionsValidationException>(
            () => host.StartAsync(TestContext.Current.CancellationToken));
    }

    private static IHost Build(params (string Name, string Value)[] settings)
    {
        var builder = Host.CreateApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        builder.Configuration.AddInMemoryCollection([new("Gc:DatabasePath", "x.db")]);
        builder.Configuration.AddInMemoryCollection(
            settings.Select(setting => KeyValuePair.Create($"Gc:{setting.Name}", (string?)setting.Value)));
        builder.Services.AddImageGarbageCollection(builder.Configuration.GetSection("Gc")).AddDocker();
        return builder.Build();
    }
}
