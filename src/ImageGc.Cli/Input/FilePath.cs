using System.CommandLine.Parsing;

namespace ImageGc.Cli.Input;

/// <summary>Names of files on the command line.</summary>
internal static class FilePath
{
    public static void Require(SymbolResult given)
    {
        if (given.Tokens is [{ Value: var path }] && string.IsNullOrWhiteSpace(path))
            given.AddError($"{(given as OptionResult)?.Option.Name ?? "FILE"} needs the path of a file.");
    }

    public static CommandFailedException BelongsToTheDatabase(string file) =>
        new($"'{file}' belongs to the database; name another file. Nothing was changed.");
}
