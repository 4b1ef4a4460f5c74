using System.CommandLine;
using System.Globalization;
using ImageGc.Cli.Input;
using ImageGc.Cli.Output;
using ImageGc.Sqlite;

namespace ImageGc.Cli.Commands;

internal sealed class ImportCommand : ToolCommand
{
    private readonly Argument<string> _file = new("FILE")
    {
        Description = "The flat file: a line '<image ID> <Unix seconds>' for each image.",
    };

    public ImportCommand(GlobalOptions global)
        : base(
            global, "import", "Import the flat file 'image_use' of Azure IoT Edge and leave it alone; can be repeated.",
            "imagegc import /var/lib/aziot/edged/image_use")
    {
        _file.Validators.Add(FilePath.Require);
        Arguments.Add(_file);
    }

    protected override int Run(Invocation invocation)
    {
        var file = invocation.Get(_file);
        using var store = OpenFor(file, invocation);
        var import = Import(store, file, invocation);
        if (invocation.Json)
            invocation.WriteJson(import, JsonOutput.Default.FlatFileImport);
        return ExitCode.Done;
    }

    /// <summary>
    /// Opens the store, unless the flat file is missing: a mistyped name must not leave a new database.
    /// </summary>
    public static ImageUseStore OpenFor(string flatFile, Invocation invocation)
    {
        var path = Path.GetFullPath(flatFile);
        if (!FilePath.IsThere(path))
            throw new CommandFailedException(
                $"There is no flat file '{path}' to import. Nothing was created; check the path.");
        if (Directory.Exists(path))
            throw new CommandFailedException($"'{path}' is a directory; name the flat file in it.");
        return invocation.OpenOrCreate();
    }

    public static FlatFileImport Import(ImageUseStore store, string flatFile, Invocation invocation)
    {
        FlatFileImport import;
        try
        {
            using var patience = invocation.Patience($"Importing {flatFile}");
            import = store.ImportFlatFile(flatFile);
        }
        catch (ArgumentException)
        {
            throw FilePath.BelongsToTheDatabase(flatFile);
        }

        if (import is { Images: 0, Skipped: > 0 })
            throw new CommandFailedException(
                $"'{flatFile}' is no flat file: none of {Counted.Of(import.Skipped, "line")} could be read. "
                + "Nothing was imported.");
        invocation.Tell(string.Create(CultureInfo.InvariantCulture,
            $"Imported {flatFile}: {Counted.Images(import.Images)} ({import.Changed} new or newer), "
            + $"{Counted.Of(import.Skipped, "line")} skipped."));
        if (import.Implausible > 0)
        {
            invocation.Tell(string.Create(CultureInfo.InvariantCulture,
                $"Of these, {import.Implausible} had a time that cannot be right: used when first seen."));
        }

        return import;
    }
}
