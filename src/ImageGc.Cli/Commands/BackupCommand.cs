using System.CommandLine;
using ImageGc.Cli.Execution;
using ImageGc.Cli.Input;
using ImageGc.Cli.Output;

namespace ImageGc.Cli.Commands;

internal sealed class BackupCommand : CommandBase
{
    private readonly Argument<string> _file = new("FILE")
    {
        Description = "The new file; one that exists is never overwritten.",
    };

    public BackupCommand(GlobalOptions global)
        : base(
            global, "backup", "Copy the database to a new file, also while the runtime uses it. Plain 'cp' can miss "
            + "the newest changes.",
            "imagegc backup /mnt/backup/image_use.db",
            "",
            "# The way back: stop the runtime, and move the old log away too.",
            "mv image_use.db-wal old.db-wal; mv image_use.db old.db",
            "cp /mnt/backup/image_use.db image_use.db")
    {
        _file.Validators.Add(FilePath.RejectEmpty);
        Arguments.Add(_file);
    }

    protected override int Run(CommandContext context)
    {
        var file = context.Get(_file);
        using var store = context.OpenReadOnly();
        try
        {
            store.BackupTo(file);
        }
        catch (ArgumentException)
        {
            throw FilePath.DatabaseFileError(file);
        }

        if (context.Json)
            context.WriteJson(new JsonNewFile(Path.GetFullPath(file)), JsonOutput.Default.JsonNewFile);
        context.WriteInfo($"Backed up {Quantity.Images(store.List().Count)} to {file}.");
        return ExitCode.Done;
    }
}
