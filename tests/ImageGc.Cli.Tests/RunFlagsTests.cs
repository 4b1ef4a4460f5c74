using System.CommandLine;
using ImageGc.Cli.Hosting;
using ImageGc.Hosting;

namespace ImageGc.Cli.Tests;

/// <summary>The flags of `imagegc run` and the settings of the host that it starts.</summary>
public sealed class RunFlagsTests : EngineTest
{
    private static readonly Dictionary<string, (string Setting, string Value)> Flags = new()
    {
        ["--keep"] = ("KeepImages", "registry/agent:*"),
        ["--keep-label"] = ("KeepLabels", "keep=always"),
        ["--keep-newest"] = ("KeepNewest", "2"),
        ["--older-than"] = ("ImageAgeCleanupThreshold", "3d"),
        ["--cleanup-time"] = ("CleanupTime", "03:30"),
        ["--every"] = ("CleanupRecurrence", "2d"),
        ["--owner-label"] = ("OwnerLabel", "owner=edge"),
        ["--high-threshold"] = ("HighThreshold", "99%"),
        ["--low-threshold"] = ("LowThreshold", "90%"),
        ["--min-age"] = ("MinimumAge", "1h"),
        ["--check-every"] = ("DiskCheckInterval", "30s"),
    };

    [Fact]
    public void Every_flag_of_DaemonOptions_sets_its_setting()
    {
        var all = new Command("run");
        new DaemonOptions().AddTo(all);
        Assert.Equal(Flags.Keys.Append("--engine").Order(), all.Options.Select(flag => flag.Name).Order());
        File.WriteAllText(SettingsFile, $$"""
            { "ImageGarbageCollection": { "DatabasePath": "{{PathOf("other.db")}}", "ImageDirectory": "/" } }
            """);

        Ask(["run", "--once", .. Flags.SelectMany(flag => (string[])[flag.Key, flag.Value.Value])]);

        using var store = Open(); // That of --db, which Ask gives.
        var settings = HostStatus.ReadFrom(store)!.Settings;
        Assert.All(Flags.Values, flag => Assert.Equal(flag.Value, settings[flag.Setting]));
        Assert.Equal(Docker.Address, new Uri(settings["EngineAddress"]));
        Assert.Equal("true", settings["WatchContainers"]);
    }
}
