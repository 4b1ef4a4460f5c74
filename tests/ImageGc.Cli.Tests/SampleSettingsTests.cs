using System.Text.RegularExpressions;
using ImageGc.Docker;
using ImageGc.Hosting;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace ImageGc.Cli.Tests;

/// <summary>The sample settings, which the packages install as /etc/imagegc.json.</summary>
public sealed partial class SampleSettingsTests : CliTest
{
    private static readonly string Sample =
        File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "imagegc.sample.json"));

    private static readonly string WithEverySetting = CommentedSetting.Replace(Sample, "");

    [Fact]
    public void It_sets_the_path_of_the_database_and_nothing_else()
    {
        var setting = Assert.Single(Read(Sample).GetChildren());

        Assert.Equal(("DatabasePath", "/var/lib/imagegc/image_use.db"), (setting.Key, setting.Value));
    }

    [Fact]
    public void It_has_every_setting_in_a_comment() =>
        Assert.Equal(
            typeof(ImageGarbageCollectionOptions).GetProperties().Concat(typeof(DockerOptions).GetProperties())
                .Select(property => property.Name).Order(),
            Read(WithEverySetting).GetChildren().Select(setting => setting.Key).Order());

    [Fact]
    public void Its_comments_are_the_defaults()
    {
        var section = Read(WithEverySetting);
        var services = new ServiceCollection();
        services.AddImageGarbageCollection(section).AddDocker();
        using var bound = services.BuildServiceProvider();

        Assert.Equivalent(
            new ImageGarbageCollectionOptions
            {
                DatabasePath = section["DatabasePath"]!,
                WatchContainers = true, // As in `imagegc run`.
            },
            bound.GetRequiredService<IOptions<ImageGarbageCollectionOptions>>().Value,
            strict: true);
        var (engine, defaults) = (bound.GetRequiredService<IOptions<DockerOptions>>().Value, new DockerOptions());
        Assert.Equal(
            (defaults.EngineAddress, defaults.EngineTimeout), (engine.EngineAddress, engine.EngineTimeout));
    }

    private IConfigurationSection Read(string json) =>
        Cli.Input.SettingsFile.Read(FileOf(json)).GetSection(Cli.Input.SettingsFile.Section);

    [GeneratedRegex("(?<=^ *)// (?=\")", RegexOptions.Multiline)]
    private static partial Regex CommentedSetting { get; }
}
