using System.CommandLine;
using ImageGc.Cli.Input;
using ImageGc.Cli.Output;

namespace ImageGc.Cli.Commands;

internal sealed class ExportCommand : ToolCommand
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
        _file.Validators.Add(FilePath.Require);
        Arguments.Add(_file);
    }

    protected override int Run(Invocation invocation)
    {
        var file = invocation.Get(_file);
        using var store = invocation.OpenReadOnly();
        try
        {
            store.ExportFlatFile(file);
        }
        catch (ArgumentException)
        {
            throw FilePath.BelongsToTheDatabase(file);
        }

        if (invocation.Json)
            invocation.WriteJson(new JsonExport(Path.GetFullPath(file)), JsonOutput.Default.JsonExport);
        invocation.Tell($"Exported {Counted.Images(store.List().Count)} to {file}.");
        return ExitCode.Done;
    }
}
