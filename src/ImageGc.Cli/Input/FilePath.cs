using System.CommandLine.Parsing;
using ImageGc.Cli.Execution;

namespace ImageGc.Cli.Input;

/// <summary>File paths on the command line.</summary>
internal static class FilePath
{
    public static void RejectEmpty(SymbolResult given)
    {
        if (given.Tokens is [{ Value: var path }] && string.IsNullOrWhiteSpace(path))
            given.AddError($"{(given as OptionResult)?.Option.Name ?? "FILE"} needs the path of a file.");
    }

    /// <summary>Whether the file exists. Unlike File.Exists, throws if this user cannot know.</summary>
    public static bool Exists(string path)
    {
        try
        {
            File.GetAttributes(path);
            return true;
        }
        catch (Exception missing) when (missing is FileNotFoundException or DirectoryNotFoundException)
        {
            return false;
        }
        catch (UnauthorizedAccessException)
        {
            throw new CommandFailedException(
                $"This user cannot read the directory of '{Path.GetFullPath(path)}'. Run the command with sudo.");
        }
    }

    public static CommandFailedException DatabaseFileError(string file) =>
        new($"'{file}' belongs to the database. Nothing was changed. Name another file.");
}
