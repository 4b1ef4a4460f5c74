using ImageGc.Cli.Input;
using ImageGc.Cli.Output;
using ImageGc.Sqlite;

namespace ImageGc.Cli.Commands;

internal sealed class ExportCommand(GlobalOptions global) : NewFileCommand(
    global, "export", "Write the tracked images to a flat file that Azure IoT Edge can read.",
    "imagegc export /var/lib/aziot/edged/image_use")
{
    protected override string Write(ImageUseStore store, string file)
    {
        store.ExportFlatFile(file);
        return $"Exported {Quantity.Images(store.List().Count)}";
    }
}
