using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using ImageGc.Sqlite;

namespace ImageGc.Native;

/// <summary>The functions of imagegc.h, which describes them.</summary>
internal static unsafe partial class Exports
{
    private const int AbiVersion = 1;

    /// <remarks>Without the revision, which the build adds behind a plus sign.</remarks>
    private static readonly byte[] LibraryVersion = Utf8Text.Pin(
        typeof(Exports).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!
            .InformationalVersion.Split('+')[0]);

    [UnmanagedCallersOnly(EntryPoint = "imagegc_abi_version")]
    public static int GetAbiVersion() => AbiVersion;

    [UnmanagedCallersOnly(EntryPoint = "imagegc_version")]
    public static byte* GetVersion() =>
        (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(LibraryVersion));

    [UnmanagedCallersOnly(EntryPoint = "imagegc_open")]
    public static int Open(OptionsStructure* options, ulong* store) => Boundary.Call(() =>
    {
        Require(store, "store");
        *store = 0;
        *store = OpenStores.Add(ImageUseStore.Open(OptionsStructure.Read(options)));
    });

    [UnmanagedCallersOnly(EntryPoint = "imagegc_close")]
    public static int Close(ulong store) => Boundary.Call(() =>
    {
        if (store != 0)
            OpenStores.Close(store);
    });

    [UnmanagedCallersOnly(EntryPoint = "imagegc_last_error")]
    public static byte* GetLastError() => LastError.Message;

    [UnmanagedCallersOnly(EntryPoint = "imagegc_last_error_path")]
    public static byte* GetLastErrorPath() => LastError.DatabasePath;

    /// <exception cref="ArgumentException">A pointer that is required is NULL.</exception>
    private static void Require(void* pointer, string name)
    {
        if (pointer is null)
            throw new ArgumentException($"{name} is NULL.");
    }
}
