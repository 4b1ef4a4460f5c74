using System.CommandLine;
using System.Globalization;
using ImageGc.Cli.Execution;
using ImageGc.Cli.Input;
using ImageGc.Cli.Output;
using ImageGc.Sqlite;

namespace ImageGc.Cli.Commands;

internal sealed class ImportCommand : CommandBase
{
    private readonly Argument<string> _file = new("FILE")
    {
        Description = "The flat file, with a line '<image ID> <Unix seconds>' for each image.",
    };

    public ImportCommand(GlobalOptions global)
        : base(
            global, "import", "Import the flat file 'image_use' of Azure IoT Edge. Does not change the file.",
            "imagegc import /var/lib/aziot/edged/image_use")
    {
        _file.Validators.Add(FilePath.RejectEmpty);
        Arguments.Add(_file);
    }

    protected override int Run(CommandContext context)
    {
        var file = context.Get(_file);
        using var store = OpenFor(file, context);
        var import = Import(store, file, context);
        if (context.Json)
            context.WriteJson(import, JsonOutput.Default.FlatFileImport);
        return ExitCode.Done;
    }

    /// <summary>
    /// Opens the store if the flat file exists: a mistyped path must not create a database.
    /// </summary>
    public static ImageUseStore OpenFor(string flatFile, CommandContext context)
    {
        var path = Path.GetFullPath(flatFile);
        if (!FilePath.Exists(path))
            throw new CommandFailedException(
                $"The flat file '{path}' does not exist. Nothing was created. Check the path.");
        if (Directory.Exists(path))
            throw new CommandFailedException($"'{path}' is a directory. Name the flat file in it.");
        return context.OpenOrCreate();
    }

    public static FlatFileImport Import(ImageUseStore store, string flatFile, CommandContext context)
    {
        FlatFileImport import;
        try
        {
            using var notice = context.NotifyIfSlow($"Importing {flatFile}");
            import = store.ImportFlatFile(flatFile);
        }
        catch (ArgumentException)
        {
            throw FilePath.DatabaseFileError(flatFile);
        }

        if (import is { Images: 0, Skipped: > 0 })
            throw new CommandFailedException(
                $"'{flatFile}' is not a flat file: none of its lines ({import.Skipped}) could be read. Nothing was "
                + "imported. Check the path.");
        context.WriteInfo(string.Create(CultureInfo.InvariantCulture,
            $"Imported {flatFile}: {Quantity.Images(import.Images)} ({import.Changed} new or newer), "
            + $"{Quantity.Of(import.Skipped, "line")} skipped."));
        if (import.Implausible > 0)
        {
            context.WriteInfo(string.Create(CultureInfo.InvariantCulture,
                $"Implausible times: {import.Implausible}. Such an image counts as used now, unless it was tracked."));
        }

        return import;
    }
}
