using System.CommandLine;
using ImageGc.Cli.Input;

namespace ImageGc.Cli;

/// <summary>The options that every command has.</summary>
internal sealed class GlobalOptions
{
    public const string DatabaseVariable = "IMAGEGC_DB";

    public GlobalOptions(Shell shell)
    {
        Shell = shell;
        Database = new Option<string>("--db")
        {
            Description = $"The database file. Otherwise the environment variable {DatabaseVariable}, "
                + "otherwise image_use.db in the current directory.",
            HelpName = "PATH",
            Recursive = true,
        };
        Database.Validators.Add(FilePath.Require);
        Json = new Option<bool>("--json") { Description = "Print JSON, for scripts.", Recursive = true };
    }

    public Shell Shell { get; }

    public Option<string> Database { get; }

    public Option<bool> Json { get; }

    /// <summary>The database if the user named one, on the command line or in the environment.</summary>
    public string? NamedDatabase(ParseResult parsed) => parsed.GetValue(Database)
        ?? (Shell.Variable(DatabaseVariable) is { } path && !string.IsNullOrWhiteSpace(path) ? path : null);

    /// <summary>The database as the user wrote it.</summary>
    public string DatabaseOf(ParseResult parsed) => NamedDatabase(parsed) ?? "image_use.db";
}
