using ImageGc.Cli.Input;
using ImageGc.Sqlite;

namespace ImageGc.Cli.Commands;

internal sealed class BackupCommand(GlobalOptions global) : NewFileCommand(
    global, "backup",
    "Copy the database to a new file, even while other programs use it. Do not use 'cp', which can miss changes.",
    "imagegc backup /mnt/backup/image_use.db",
    "",
    "# To restore it under systemd, as root:",
    "systemctl stop imagegc && cd /var/lib/imagegc &&",
    "old=$(mktemp -d) && mv image_use.db* \"$old\" &&",
    "    cp /mnt/backup/image_use.db . && chown --reference=. image_use.db &&",
    "    systemctl start imagegc")
{
    protected override string Write(ImageUseStore store, string file)
    {
        store.BackupTo(file);
        return "Backed up the database";
    }
}
