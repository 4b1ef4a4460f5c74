using System.CommandLine;
using ImageGc.Cli.Terminal;

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
            Description = $"The database file. Otherwise the environment variable {DatabaseVariable}, "
                + "otherwise image_use.db in the current directory.",
            HelpName = "PATH",
            Recursive = true,
        };
        Database.Validators.Add(FilePath.RejectEmpty);
        Json = new Option<bool>("--json") { Description = "Print JSON, for scripts.", Recursive = true };
    }

    public ConsoleEnvironment Environment { get; }

    public Option<string> Database { get; }

    public Option<bool> Json { get; }

    /// <summary>The database if the user named one, on the command line or in the environment.</summary>
    public string? NamedDatabase(ParseResult parsed) => parsed.GetValue(Database)
        ?? (Environment.GetVariable(DatabaseVariable) is { } path && !string.IsNullOrWhiteSpace(path) ? path : null);

    /// <summary>The database as the user wrote it.</summary>
    public string DatabaseOf(ParseResult parsed) => NamedDatabase(parsed) ?? "image_use.db";
}
