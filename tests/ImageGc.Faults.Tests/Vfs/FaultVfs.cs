using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using ImageGc.Faults.Tests.PowerCut;

namespace ImageGc.Faults.Tests.Vfs;

/// <summary>
/// A SQLite VFS around the default one that records what reaches the files and makes chosen calls fail. Select it by
/// <see cref="Name"/> when opening a connection. One thread at a time.
/// </summary>
internal sealed unsafe class FaultVfs : IDisposable
{
    private const int Create = 0x4;
    private const int AnyLog = 0x800 | 0x80000; // SQLITE_OPEN_MAIN_JOURNAL, SQLITE_OPEN_WAL

    private static readonly ConcurrentDictionary<nint, FaultVfs> Registered = new();
    private static int LastNumber;

    private readonly NativeVfs* _native;

    public FaultVfs()
    {
        SQLitePCL.Batteries_V2.Init();
        Name = $"faults-{Interlocked.Increment(ref LastNumber)}";
        Real = NativeMethods.Find(null);
        _native = (NativeVfs*)NativeMemory.Alloc((nuint)sizeof(NativeVfs));
        *_native = *Real; // All other functions stay those of the default VFS, which finds its data in AppData.
        _native->Name = (byte*)Marshal.StringToCoTaskMemUTF8(Name);
        _native->FileSize = FaultFile.HeaderSize + Real->FileSize;
        _native->Open = &Open;
        _native->Delete = &Delete;
        _native->Access = &Access;
        Registered[(nint)_native] = this;
        _ = NativeMethods.Register(_native, makeDefault: 0);
    }

    public string Name { get; }

    /// <summary>Gets all that reaches the files, unless it is null.</summary>
    public Recording? Recording { get; init; }

    public FaultPlan Faults { get; set; } = FaultPlan.None;

    /// <summary>
    /// Tells SQLite that the medium never destroys the sector that it is writing, whatever the store asked for.
    /// </summary>
    public bool BelievesPowersafeOverwrite { get; init; }

    /// <summary>Files whose syncs return success without being done: a control that must lose data.</summary>
    public Predicate<string> IgnoresSync { get; init; } = _ => false;

    /// <summary>The offset of a byte that cannot be read in any file; negative if all can be read.</summary>
    public long UnreadableAt { get; init; } = -1;

    public long BytesWritten { get; set; }

    public long Syncs { get; set; }

    internal NativeVfs* Real { get; }

    public void Dispose()
    {
        _ = NativeMethods.Unregister(_native);
        Registered.TryRemove((nint)_native, out _);
        Marshal.FreeCoTaskMem((nint)_native->Name);
        NativeMemory.Free(_native);
    }

    [UnmanagedCallersOnly]
    private static int Open(NativeVfs* self, byte* path, NativeFile* file, int flags, int* actualFlags)
    {
        file->Methods = null; // SQLite closes a file that failed to open unless it has no methods.
        var vfs = Registered[(nint)self];
        var name = Path.GetFileName(Marshal.PtrToStringUTF8((nint)path)) ?? "";
        var isNew = path != null && (flags & Create) != 0 && !File.Exists(Marshal.PtrToStringUTF8((nint)path));
        if (vfs.Faults.Next(isNew ? VfsCall.Create : VfsCall.Open) is { } error)
            return error;

        var result = vfs.Real->Open(vfs.Real, path, FaultFile.RealOf(file), flags, actualFlags);
        if (result != 0)
            return result;

        // The default VFS also syncs the directory at the first sync of a log that it may have created.
        FaultFile.Attach(file,
            new FaultFile(vfs, name, syncsDirectory: (flags & Create) != 0 && (flags & AnyLog) != 0));
        vfs.Recording?.Opened(name);
        return 0;
    }

    [UnmanagedCallersOnly]
    private static int Delete(NativeVfs* self, byte* path, int syncDirectory)
    {
        var vfs = Registered[(nint)self];
        if (vfs.Faults.Next(VfsCall.Delete) is { } error)
            return error;

        var result = vfs.Real->Delete(vfs.Real, path, syncDirectory);
        if (result == 0)
            vfs.Recording?.Deleted(Path.GetFileName(Marshal.PtrToStringUTF8((nint)path))!, syncDirectory != 0);
        return result;
    }

    [UnmanagedCallersOnly]
    private static int Access(NativeVfs* self, byte* path, int flags, int* answer)
    {
        var vfs = Registered[(nint)self];
        return vfs.Faults.Next(VfsCall.Access) ?? vfs.Real->Access(vfs.Real, path, flags, answer);
    }
}
