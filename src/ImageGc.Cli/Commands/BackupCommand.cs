using ImageGc.Cli.Input;
using ImageGc.Sqlite;

namespace ImageGc.Cli.Commands;

internal sealed class BackupCommand(GlobalOptions global) : NewFileCommand(
    global, "backup",
    "Copy the database to a new file, also while the runtime uses it. Plain 'cp' can miss the newest changes.",
    "imagegc backup /mnt/backup/image_use.db",
    "",
    "# The way back: stop the runtime, and move the old log away too.",
    "mv image_use.db-wal old.db-wal; mv image_use.db old.db",
    "cp /mnt/backup/image_use.db image_use.db")
{
    protected override string Write(ImageUseStore store, string file)
    {
        store.BackupTo(file);
        return "Backed up the database";
    }
}
