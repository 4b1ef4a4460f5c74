using System.Runtime.InteropServices;

namespace ImageGc.Native;

internal static unsafe partial class Exports
{
    [UnmanagedCallersOnly(EntryPoint = "imagegc_import")]
    public static int Import(ulong store, byte* path, ImportCounts* counts) => Boundary.Call(() =>
    {
        if (counts is not null)
            *counts = default;
        var import = OpenStores.Find(store).ImportFlatFile(Utf8Text.ReadPath(path, "path"));
        if (counts is not null)
        {
            *counts = new ImportCounts
            {
                Images = (ulong)import.Images,
                Changed = (ulong)import.Changed,
                Implausible = (ulong)import.Implausible,
                Skipped = (ulong)import.Skipped,
            };
        }
    });

    [UnmanagedCallersOnly(EntryPoint = "imagegc_export")]
    public static int Export(ulong store, byte* path) => Boundary.Call(() =>
        OpenStores.Find(store).ExportFlatFile(Utf8Text.ReadPath(path, "path")));

    [UnmanagedCallersOnly(EntryPoint = "imagegc_backup")]
    public static int Backup(ulong store, byte* path) => Boundary.Call(() =>
        OpenStores.Find(store).BackupTo(Utf8Text.ReadPath(path, "path")));

    /// <summary>The structure imagegc_import_counts.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct ImportCounts
    {
        public ulong Images;
        public ulong Changed;
        public ulong Implausible;
        public ulong Skipped;
    }
}
