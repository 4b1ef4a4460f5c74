using System.Runtime.InteropServices;

namespace ImageGc.Faults.Tests.Vfs;

/// <summary>
/// `sqlite3_vfs` (https://www.sqlite.org/c3ref/vfs.html). Members that are only passed on are plain pointers.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NativeVfs
{
    public int Version;
    public int FileSize;
    public int MaxPathLength;
    public NativeVfs* Next;
    public byte* Name;
    public nint AppData;
    public delegate* unmanaged<NativeVfs*, byte*, NativeFile*, int, int*, int> Open;
    public delegate* unmanaged<NativeVfs*, byte*, int, int> Delete;
    public delegate* unmanaged<NativeVfs*, byte*, int, int*, int> Access;
    public nint FullPathname, DlOpen, DlError, DlSym, DlClose, Randomness, Sleep, CurrentTime, GetLastError;
    public nint CurrentTimeInt64;
    public nint SetSystemCall, GetSystemCall, NextSystemCall;
}

/// <summary>`sqlite3_file`, after which each implementation has its own data.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NativeFile
{
    public NativeFileMethods* Methods;
}

/// <summary>
/// `sqlite3_io_methods` up to version 2: with shared memory for the write-ahead log, without memory mapping.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NativeFileMethods
{
    public int Version;
    public delegate* unmanaged<NativeFile*, int> Close;
    public delegate* unmanaged<NativeFile*, byte*, int, long, int> Read;
    public delegate* unmanaged<NativeFile*, byte*, int, long, int> Write;
    public delegate* unmanaged<NativeFile*, long, int> Truncate;
    public delegate* unmanaged<NativeFile*, int, int> Sync;
    public delegate* unmanaged<NativeFile*, long*, int> FileSize;
    public delegate* unmanaged<NativeFile*, int, int> Lock;
    public delegate* unmanaged<NativeFile*, int, int> Unlock;
    public delegate* unmanaged<NativeFile*, int*, int> CheckReservedLock;
    public delegate* unmanaged<NativeFile*, int, void*, int> FileControl;
    public delegate* unmanaged<NativeFile*, int> SectorSize;
    public delegate* unmanaged<NativeFile*, int> DeviceCharacteristics;
    public delegate* unmanaged<NativeFile*, int, int, int, void**, int> ShmMap;
    public delegate* unmanaged<NativeFile*, int, int, int, int> ShmLock;
    public delegate* unmanaged<NativeFile*, void> ShmBarrier;
    public delegate* unmanaged<NativeFile*, int, int> ShmUnmap;
}

internal static unsafe partial class NativeMethods
{
    [LibraryImport("e_sqlite3", EntryPoint = "sqlite3_vfs_find", StringMarshalling = StringMarshalling.Utf8)]
    public static partial NativeVfs* Find(string? name);

    [LibraryImport("e_sqlite3", EntryPoint = "sqlite3_vfs_register")]
    public static partial int Register(NativeVfs* vfs, int makeDefault);

    [LibraryImport("e_sqlite3", EntryPoint = "sqlite3_vfs_unregister")]
    public static partial int Unregister(NativeVfs* vfs);
}
