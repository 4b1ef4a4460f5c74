using System.CommandLine;
using ImageGc.Cli.Execution;
using ImageGc.Cli.Terminal;
using ImageGc.Hosting;
using Microsoft.Extensions.Configuration;

namespace ImageGc.Cli.Input;

/// <summary>The options that every command has.</summary>
internal sealed class GlobalOptions
{
    public const string DatabaseVariable = "IMAGEGC_DB";

    public GlobalOptions(ConsoleEnvironment environment)
    {
        Environment = environment;
        Database = new Option<string>("--db")
        {
            Description = $"The database file. [default: the environment variable {DatabaseVariable}, then "
                + $"DatabasePath in the settings, then {environment.DefaultDatabase}]",
            HelpName = "PATH",
            Recursive = true,
        };
        Database.Validators.Add(FilePath.RejectEmpty);
        Settings = new Option<string>("--config")
        {
            Description = $"The settings of the daemon: a JSON file with the section {SettingsFile.Section}, and "
                + $"optionally Logging. [default: {environment.SettingsFile}, if it exists]",
            HelpName = "FILE",
            Recursive = true,
        };
        Settings.Validators.Add(FilePath.RejectEmpty);
        Json = new Option<bool>("--json") { Description = "Print JSON, for scripts.", Recursive = true };
    }

    public ConsoleEnvironment Environment { get; }

    public Option<string> Database { get; }

    public Option<string> Settings { get; }

    public Option<bool> Json { get; }

    /// <summary>The settings file; null if there is none.</summary>
    public string? SettingsFileOf(ParseResult parsed) => parsed.GetValue(Settings)
        ?? (File.Exists(Environment.SettingsFile) ? Environment.SettingsFile : null);

    /// <summary>The database that the user named, otherwise the one in the settings, otherwise the default.</summary>
    /// <exception cref="CommandFailedException">The settings cannot be read.</exception>
    public string DatabaseOf(ParseResult parsed) => parsed.GetValue(Database)
        ?? IfGiven(Environment.GetVariable(DatabaseVariable))
        ?? IfGiven(new ConfigurationBuilder().AddEnvironmentVariables().Build()[DatabaseSetting])
        ?? IfGiven(SettingsFileOf(parsed) is { } file ? SettingsFile.Read(file)[DatabaseSetting] : null)
        ?? Environment.DefaultDatabase;

    private static string DatabaseSetting { get; } =
        ConfigurationPath.Combine(SettingsFile.Section, nameof(ImageGarbageCollectionOptions.DatabasePath));

    /// <remarks>An empty variable or setting counts as not set.</remarks>
    private static string? IfGiven(string? path) => string.IsNullOrWhiteSpace(path) ? null : path;
}
