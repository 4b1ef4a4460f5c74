using System.CommandLine;
using ImageGc.Cli.Execution;
using ImageGc.Cli.Input;
using ImageGc.Cli.Output;

namespace ImageGc.Cli.Commands;

internal sealed class ExportCommand : CommandBase
{
    private readonly Argument<string> _file = new("FILE")
    {
        Description = "The new file; one that exists is never overwritten.",
    };

    public ExportCommand(GlobalOptions global)
        : base(
            global, "export", "Write the tracked images to a flat file as Azure IoT Edge reads it: the way back.",
            "imagegc export /var/lib/aziot/edged/image_use")
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
            store.ExportFlatFile(file);
        }
        catch (ArgumentException)
        {
            throw FilePath.DatabaseFileError(file);
        }

        if (context.Json)
            context.WriteJson(new JsonNewFile(Path.GetFullPath(file)), JsonOutput.Default.JsonNewFile);
        context.WriteInfo($"Exported {Quantity.Images(store.List().Count)} to {file}.");
        return ExitCode.Done;
    }
}
