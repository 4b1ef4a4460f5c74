using ImageGc.Cli.Input;
using ImageGc.Sqlite;

namespace ImageGc.Cli.Commands;

internal sealed class BackupCommand(GlobalOptions global) : NewFileCommand(
    global, "backup",
    "Copy the database to a new file, even while other programs use it. Do not use 'cp', which can miss changes.",
    "imagegc backup /mnt/backup/image_use.db",
    "",
    "# To restore it, stop the runtime and move the old database and log aside:",
    "mv image_use.db-wal old.db-wal; mv image_use.db old.db",
    "cp /mnt/backup/image_use.db image_use.db")
{
    protected override string Write(ImageUseStore store, string file)
    {
        store.BackupTo(file);
        return "Backed up the database";
    }
}
