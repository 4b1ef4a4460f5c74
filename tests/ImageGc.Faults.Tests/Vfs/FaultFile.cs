using System.Runtime.InteropServices;

namespace ImageGc.Faults.Tests.Vfs;

/// <summary>
/// An open file of a <see cref="FaultVfs"/>: every call goes to the real file behind it, unless it has to fail.
/// </summary>
internal sealed unsafe class FaultFile(FaultVfs vfs, string name, bool syncsDirectory)
{
    private const int PowersafeOverwrite = 0x1000; // SQLITE_IOCAP_POWERSAFE_OVERWRITE

    private static readonly NativeFileMethods* Methods = CreateMethods();
    private bool _syncsDirectory = syncsDirectory;

    /// <summary>Our part of the memory that SQLite reserves for an open file. That of the real file follows.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Header
    {
        public NativeFile File;
        public nint Managed;
    }

    public static int HeaderSize => sizeof(Header);

    public static NativeFile* RealOf(NativeFile* file) => (NativeFile*)((byte*)file + sizeof(Header));

    public static void Attach(NativeFile* file, FaultFile managed)
    {
        ((Header*)file)->Managed = GCHandle.ToIntPtr(GCHandle.Alloc(managed));
        file->Methods = Methods;
    }

    private static FaultVfs VfsOf(NativeFile* file) => Of(file).Vfs;

    private static FaultFile Of(NativeFile* file) =>
        (FaultFile)GCHandle.FromIntPtr(((Header*)file)->Managed).Target!;

    private FaultVfs Vfs => vfs;

    private int WriteTo(NativeFile* real, byte* data, int count, long offset)
    {
        var error = vfs.Faults.Next(VfsCall.Write);
        if (error is not null)
            count /= 2; // A write that fails may have written some of the data.

        var result = count > 0 ? real->Methods->Write(real, data, count, offset) : 0;
        if (result == 0)
        {
            vfs.BytesWritten += count;
            vfs.Recording?.Wrote(name, offset, new ReadOnlySpan<byte>(data, count));
        }

        return error ?? result;
    }

    private int TruncateTo(NativeFile* real, long size)
    {
        if (vfs.Faults.Next(VfsCall.Truncate) is { } error)
            return error;

        var result = real->Methods->Truncate(real, size);
        if (result == 0)
            vfs.Recording?.Truncated(name, size);
        return result;
    }

    private int SyncTo(NativeFile* real, int flags)
    {
        if (vfs.Faults.Next(VfsCall.Sync) is { } error)
        {
            vfs.Recording?.SyncFailed(name);
            return error;
        }

        if (vfs.IgnoresSync(name))
            return 0;

        var result = real->Methods->Sync(real, flags);
        if (result == 0)
        {
            vfs.Syncs++;
            vfs.Recording?.Synced(name);
            // The default VFS does not report that it could not sync the directory.
            if (_syncsDirectory && vfs.Faults.Next(VfsCall.SyncDirectory) is null)
                vfs.Recording?.DirectorySynced();
            _syncsDirectory = false;
        }

        return result;
    }

    private static NativeFileMethods* CreateMethods()
    {
        var methods = (NativeFileMethods*)NativeMemory.Alloc((nuint)sizeof(NativeFileMethods));
        *methods = new NativeFileMethods
        {
            Version = 2,
            Close = &Close,
            Read = &Read,
            Write = &Write,
            Truncate = &Truncate,
            Sync = &Sync,
            FileSize = &FileSize,
            Lock = &Lock,
            Unlock = &Unlock,
            CheckReservedLock = &CheckReservedLock,
            FileControl = &FileControl,
            SectorSize = &SectorSize,
            DeviceCharacteristics = &DeviceCharacteristics,
            ShmMap = &ShmMap,
            ShmLock = &ShmLock,
            ShmBarrier = &ShmBarrier,
            ShmUnmap = &ShmUnmap,
        };
        return methods;
    }

    [UnmanagedCallersOnly]
    private static int Close(NativeFile* file)
    {
        var result = RealOf(file)->Methods->Close(RealOf(file));
        GCHandle.FromIntPtr(((Header*)file)->Managed).Free();
        return result;
    }

    [UnmanagedCallersOnly]
    private static int Read(NativeFile* file, byte* data, int count, long offset)
    {
        var vfs = VfsOf(file);
        return offset <= vfs.UnreadableAt && vfs.UnreadableAt < offset + count
            ? (int)VfsCall.Read
            : vfs.Faults.Next(VfsCall.Read) ?? RealOf(file)->Methods->Read(RealOf(file), data, count, offset);
    }

    [UnmanagedCallersOnly]
    private static int Write(NativeFile* file, byte* data, int count, long offset) =>
        Of(file).WriteTo(RealOf(file), data, count, offset);

    [UnmanagedCallersOnly]
    private static int Truncate(NativeFile* file, long size) => Of(file).TruncateTo(RealOf(file), size);

    [UnmanagedCallersOnly]
    private static int Sync(NativeFile* file, int flags) => Of(file).SyncTo(RealOf(file), flags);

    [UnmanagedCallersOnly]
    private static int FileSize(NativeFile* file, long* size) =>
        VfsOf(file).Faults.Next(VfsCall.FileSize) ?? RealOf(file)->Methods->FileSize(RealOf(file), size);

    [UnmanagedCallersOnly]
    private static int Lock(NativeFile* file, int level) =>
        VfsOf(file).Faults.Next(VfsCall.Lock) ?? RealOf(file)->Methods->Lock(RealOf(file), level);

    [UnmanagedCallersOnly]
    private static int Unlock(NativeFile* file, int level) => RealOf(file)->Methods->Unlock(RealOf(file), level);

    [UnmanagedCallersOnly]
    private static int CheckReservedLock(NativeFile* file, int* answer) =>
        RealOf(file)->Methods->CheckReservedLock(RealOf(file), answer);

    [UnmanagedCallersOnly]
    private static int FileControl(NativeFile* file, int operation, void* argument) =>
        RealOf(file)->Methods->FileControl(RealOf(file), operation, argument);

    [UnmanagedCallersOnly]
    private static int SectorSize(NativeFile* file) => RealOf(file)->Methods->SectorSize(RealOf(file));

    [UnmanagedCallersOnly]
    private static int DeviceCharacteristics(NativeFile* file)
    {
        var real = RealOf(file)->Methods->DeviceCharacteristics(RealOf(file));
        return VfsOf(file).BelievesPowersafeOverwrite ? real | PowersafeOverwrite : real;
    }

    [UnmanagedCallersOnly]
    private static int ShmMap(NativeFile* file, int region, int size, int extend, void** mapped) =>
        VfsOf(file).Faults.Next(VfsCall.ShmMap)
        ?? RealOf(file)->Methods->ShmMap(RealOf(file), region, size, extend, mapped);

    [UnmanagedCallersOnly]
    private static int ShmLock(NativeFile* file, int offset, int count, int flags)
    {
        const int Lock = 2; // SQLITE_SHM_LOCK. Releasing a lock cannot fail.
        var error = (flags & Lock) != 0 ? VfsOf(file).Faults.Next(VfsCall.ShmLock) : null;
        return error ?? RealOf(file)->Methods->ShmLock(RealOf(file), offset, count, flags);
    }

    [UnmanagedCallersOnly]
    private static void ShmBarrier(NativeFile* file) => RealOf(file)->Methods->ShmBarrier(RealOf(file));

    [UnmanagedCallersOnly]
    private static int ShmUnmap(NativeFile* file, int delete) => RealOf(file)->Methods->ShmUnmap(RealOf(file), delete);
}
