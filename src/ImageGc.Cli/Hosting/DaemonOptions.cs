using System.CommandLine;
using System.CommandLine.Parsing;
using ImageGc.Cli.Execution;
using ImageGc.Cli.Input;
using ImageGc.Docker;
using ImageGc.Hosting;
using ImageGc.Sqlite;
using Microsoft.Extensions.Configuration;

namespace ImageGc.Cli.Hosting;

/// <summary>The settings that have an option. The settings file and the environment can hold all settings.</summary>
internal sealed class DaemonOptions
{
    private static readonly ImageGarbageCollectionOptions Defaults = new();

    private readonly Option<string[]> _keep = new("--keep")
    {
        Description = "Never remove these images: names, IDs, or globs such as 'registry/agent:*'.",
        HelpName = "IMAGE",
        AllowMultipleArgumentsPerToken = true,
    };

    private readonly Option<string[]> _keepLabels = new("--keep-label")
    {
        Description = "Never remove images with this label.",
        HelpName = "NAME[=VALUE]",
        AllowMultipleArgumentsPerToken = true,
    };

    private readonly Dictionary<string, Option<string>> _settings = new()
    {
        [nameof(DockerOptions.EngineAddress)] = new("--engine")
        {
            Description = "The engine: unix:///path or tcp://host:port. [default: EngineAddress in the settings, then "
                + "DOCKER_HOST, then unix:///var/run/docker.sock]",
            HelpName = "ADDRESS",
        },
        [nameof(ImageGarbageCollectionOptions.KeepNewest)] = new("--keep-newest")
        {
            Description = "Keep this many of the most recently used images of each repository. [default: 0]",
            HelpName = "NUMBER",
        },
        [nameof(ImageGarbageCollectionOptions.ImageAgeCleanupThreshold)] = new("--older-than")
        {
            Description = "How long an image must have been unused: 30s, 90m, 12h, 7d, 3w or 0. "
                + $"[default: {DurationText.Format(Defaults.ImageAgeCleanupThreshold)}]",
            HelpName = "DURATION",
        },
        [nameof(ImageGarbageCollectionOptions.CleanupTime)] = new("--cleanup-time")
        {
            Description = $"The local time at which images are removed. [default: {Defaults.CleanupTime:HH:mm}]",
            HelpName = "HH:MM",
        },
        [nameof(ImageGarbageCollectionOptions.CleanupRecurrence)] = new("--every")
        {
            Description = "How often images are removed, in whole days: 1d, 7d. "
                + $"[default: {DurationText.Format(Defaults.CleanupRecurrence)}]",
            HelpName = "DURATION",
        },
        [nameof(ImageGarbageCollectionOptions.OwnerLabel)] = new("--owner-label")
        {
            Description = "Record only the images of containers with this label.",
            HelpName = "NAME[=VALUE]",
        },
        [nameof(ImageGarbageCollectionOptions.HighThreshold)] = new("--high-threshold")
        {
            Description = "Remove unused images early when disk usage reaches this: 85% used, or only 2GB free. "
                + "[default: off]",
            HelpName = "USAGE",
        },
        [nameof(ImageGarbageCollectionOptions.LowThreshold)] = new("--low-threshold")
        {
            Description = "Disk usage at which early removal stops. "
                + "[default: 5 percentage points less, or 1.5 times the free bytes]",
            HelpName = "USAGE",
        },
        [nameof(ImageGarbageCollectionOptions.MinimumAge)] = new("--min-age")
        {
            Description = "How long an image must have been unused to be removed early. "
                + $"[default: {DurationText.Format(Defaults.MinimumAge)}]",
            HelpName = "DURATION",
        },
        [nameof(ImageGarbageCollectionOptions.DiskCheckInterval)] = new("--check-every")
        {
            Description = "How often disk usage is measured. "
                + $"[default: {DurationText.Format(Defaults.DiskCheckInterval)}]",
            HelpName = "DURATION",
        },
    };

    /// <summary>Whether the command line has other settings than the daemon.</summary>
    /// <remarks>The environment does not count: in a container it is the daemon's own.</remarks>
    public bool DifferFrom(CommandContext context, HostStatus daemon) =>
        context.NamesSettings
        || GivenFlags(context).Any(flag => flag.Setting != nameof(DockerOptions.EngineAddress)
            || context.Get(_settings[flag.Setting]) != daemon.Settings.GetValueOrDefault(flag.Setting));

    public void AddTo(Command command) =>
        AddTo(command, [_keep, _keepLabels, .. _settings.Values]);

    /// <summary>Adds only the option that names the engine.</summary>
    public void AddEngineTo(Command command) =>
        AddTo(command, [_settings[nameof(DockerOptions.EngineAddress)]]);

    private static void AddTo(Command command, List<Option> options)
    {
        foreach (var option in options)
        {
            option.Validators.Add(RequireValue);
            command.Options.Add(option);
        }
    }

    /// <summary>Refuses an empty value: `--keep "$IMAGE"` must not keep nothing if the variable is not set.</summary>
    private static void RequireValue(OptionResult given)
    {
        if (given.Tokens.Any(token => string.IsNullOrWhiteSpace(token.Value)))
            given.AddError($"{given.Option.Name} needs a value.");
    }

    /// <summary>Reads the settings. The environment overrides the file, and options override both.</summary>
    /// <exception cref="CommandFailedException">The file cannot be read.</exception>
    public DaemonSettings Read(CommandContext context, params KeyValuePair<string, string?>[] flags) =>
        context.SettingsFile is { } file
            ? Combine(SettingsFile.Read(file), $"'{file}'", context, flags)
            : Combine(new ConfigurationManager(), "the defaults", context, flags);

    /// <summary>
    /// Reads the settings of the running daemon, so that a command shows what the daemon does. If no daemon is running,
    /// reads those of the file; without a file, those of the last daemon.
    /// </summary>
    /// <param name="context">The context of the command.</param>
    /// <param name="orLast">Whether to use those of the last daemon.</param>
    /// <param name="flags">More settings from the command line.</param>
    public DaemonSettings ReadOfDaemon(
        CommandContext context, bool orLast = true, params KeyValuePair<string, string?>[] flags)
    {
        var own = Read(context, flags);
        if (context.NamesSettings)
            return own;
        var state = DaemonState.Read(context);
        var isAlive = state.IsAlive;
        if (state.Host is not { } daemon || (!isAlive && (!orLast || context.SettingsFile is not null)))
            return own;
        // The last daemon may have failed because its engine was mistyped, and DOCKER_HOST may name another engine.
        var isSameEngine = isAlive
            || (daemon.Problems.Count == 0 && context.Environment.GetVariable("DOCKER_HOST") is null or "");
        // The flat file is left out, because only the daemon imports it.
        var noted = new ConfigurationBuilder().AddInMemoryCollection(daemon.Settings
            .Where(setting => setting.Key != nameof(ImageGarbageCollectionOptions.FlatFilePath)
                && (setting.Key != nameof(DockerOptions.EngineAddress) || isSameEngine))
            .Select(setting => Setting(setting.Key, setting.Value))).Build();
        return Combine(noted, isAlive ? "the running daemon" : "the last run", context, flags);
    }

    /// <summary>Whether the setting is a location or about reporting, and so does not change what is removed.</summary>
    private static bool IsLocationOrReporting(KeyValuePair<string, string?> setting) => setting.Key.Split(':')[^1]
        is nameof(DockerOptions.EngineAddress) or MetricsFile.Setting or DaemonHost.LogFormatSetting;

    private DaemonSettings Combine(
        IConfiguration settings, string source, CommandContext context, KeyValuePair<string, string?>[] flags)
    {
        var configuration = new ConfigurationBuilder();
        // Later sources win. Unlike a host that records uses itself, `imagegc run` watches containers by default.
        configuration.AddInMemoryCollection([Setting(nameof(ImageGarbageCollectionOptions.WatchContainers), "true")]);
        configuration.AddConfiguration(settings);
        configuration.AddEnvironmentVariables();
        List<KeyValuePair<string, string?>> given = [.. Flags(context), .. flags];
        configuration.AddInMemoryCollection(given);
        configuration.AddInMemoryCollection(
            [Setting(nameof(ImageGarbageCollectionOptions.DatabasePath), context.DatabasePath)]);
        return new DaemonSettings(configuration.Build(), source, IsChanged: !given.TrueForAll(IsLocationOrReporting));
    }

    /// <summary>Replaces the setting in a validation failure with the option that set it, if there is one.</summary>
    public string UseFlagName(string failure, CommandContext context)
    {
        const string section = $"{SettingsFile.Section}:";
        var wrong = failure.StartsWith(section, StringComparison.Ordinal) ? failure[section.Length..] : failure;
        var given = GivenFlags(context).ToList();
        return given.Exists(flag => wrong.StartsWith($"{flag.Setting} ", StringComparison.Ordinal))
            ? given.Aggregate(wrong, (text, flag) => text.Replace(flag.Setting, flag.Name, StringComparison.Ordinal))
            : failure;
    }

    private IEnumerable<(string Setting, string Name)> GivenFlags(CommandContext context)
    {
        foreach (var (setting, option) in _settings)
        {
            if (context.Get(option) is not null)
                yield return (setting, option.Name);
        }

        if (context.Get(_keep) is { Length: > 0 })
            yield return (nameof(ImageGarbageCollectionOptions.KeepImages), _keep.Name);
        if (context.Get(_keepLabels) is { Length: > 0 })
            yield return (nameof(ImageGarbageCollectionOptions.KeepLabels), _keepLabels.Name);
    }

    private IEnumerable<KeyValuePair<string, string?>> Flags(CommandContext context)
    {
        foreach (var (name, option) in _settings)
        {
            if (context.Get(option) is { } value)
                yield return Setting(name, value);
        }

        // Lists are merged by key. These keys are not numbers, so the entries are added to those of the file and the
        // environment. With the keys 0, 1, … they would replace them.
        foreach (var (index, image) in EntriesOf(context.Get(_keep)).Index())
            yield return Setting($"{nameof(ImageGarbageCollectionOptions.KeepImages)}:--keep {index}", image);
        foreach (var (index, label) in EntriesOf(context.Get(_keepLabels)).Index())
            yield return Setting($"{nameof(ImageGarbageCollectionOptions.KeepLabels)}:--keep-label {index}", label);
    }

    private static IEnumerable<string> EntriesOf(string[]? lists) => (lists ?? []).SelectMany(list =>
        list.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries));

    public static KeyValuePair<string, string?> Setting(string name, string value) =>
        new(ConfigurationPath.Combine(SettingsFile.Section, name), value);
}

/// <summary>The settings that a command works with, and where they come from.</summary>
/// <param name="Configuration">The settings.</param>
/// <param name="Origin">Where most of them come from.</param>
/// <param name="IsChanged">Whether the command line changes them.</param>
internal sealed record DaemonSettings(IConfigurationRoot Configuration, string Origin, bool IsChanged)
{
    public string Source => IsChanged ? $"{Origin}, changed by the command line" : Origin;

    /// <summary>One line for the operator: the source of the settings, and the most important ones.</summary>
    public string Describe(ImageGarbageCollectionOptions options) =>
        $"According to {Source}: "
        + (options.ImageAgeCleanupThreshold == TimeSpan.Zero
            ? "images that are not in use are removed"
            : $"images unused for {DurationText.Format(options.ImageAgeCleanupThreshold)} are removed")
        + (options.Enabled ? "." : ", but Enabled is false, so no image is removed.")
        + (options is { Enabled: true, HighThreshold: { } high }
            && options.MinimumAge < options.ImageAgeCleanupThreshold
            ? $" On a full disk (HighThreshold {high}), images unused for {DurationText.Format(options.MinimumAge)} "
                + "are removed early, least recently used first, until there is room."
            : "");
}
