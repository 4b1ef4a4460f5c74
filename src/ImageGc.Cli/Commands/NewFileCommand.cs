using System.CommandLine;
using ImageGc.Cli.Execution;
using ImageGc.Cli.Input;
using ImageGc.Cli.Output;
using ImageGc.Sqlite;

namespace ImageGc.Cli.Commands;

/// <summary>A command that writes the content of the database to a new file.</summary>
internal abstract class NewFileCommand : CommandBase
{
    private readonly Argument<string> _file = new("FILE")
    {
        Description = "The file to create. An existing file is never overwritten.",
    };

    protected NewFileCommand(GlobalOptions global, string name, string description, params string[] examples)
        : base(global, name, description, examples)
    {
        _file.Validators.Add(FilePath.RejectEmpty);
        Arguments.Add(_file);
    }

    /// <returns>The beginning of a sentence that says what was written.</returns>
    protected abstract string Write(ImageUseStore store, string file);

    protected override int Run(CommandContext context)
    {
        var file = context.Get(_file);
        if (Path.GetDirectoryName(Path.GetFullPath(file)) is { } directory && !Directory.Exists(directory))
            throw new CommandFailedException(
                $"The directory '{directory}' does not exist. Create it, or name another directory.");
        using var store = context.OpenReadOnly();
        string written;
        try
        {
            written = Write(store, file);
        }
        catch (ArgumentException)
        {
            throw FilePath.DatabaseFileError(file);
        }

        if (context.Json)
            context.WriteJson(new JsonNewFile(Path.GetFullPath(file)), JsonOutput.Default.JsonNewFile);
        context.WriteInfo($"{written} to {file}.");
        return ExitCode.Done;
    }
}
