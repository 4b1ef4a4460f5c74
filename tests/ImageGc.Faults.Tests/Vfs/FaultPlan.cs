using SQLitePCL;

namespace ImageGc.Faults.Tests.Vfs;

/// <summary>Which kind of fault the medium has.</summary>
internal enum FaultKind
{
    /// <summary>Any call can fail with an I/O error.</summary>
    IoError,

    /// <summary>Only calls that need more space fail, as on a full disk.</summary>
    DiskFull,
}

/// <summary>The calls of a VFS that can fail, with the code that SQLite's own VFS returns for an I/O error.</summary>
internal enum VfsCall
{
    Open = raw.SQLITE_CANTOPEN,
    Create = raw.SQLITE_CANTOPEN | (1 << 16),
    Access = raw.SQLITE_IOERR_ACCESS,
    Delete = raw.SQLITE_IOERR_DELETE,
    Read = raw.SQLITE_IOERR_READ,
    Write = raw.SQLITE_IOERR_WRITE,
    Truncate = raw.SQLITE_IOERR_TRUNCATE,
    Sync = raw.SQLITE_IOERR_FSYNC,
    SyncDirectory = raw.SQLITE_IOERR_DIR_FSYNC,
    FileSize = raw.SQLITE_IOERR_FSTAT,
    Lock = raw.SQLITE_IOERR_LOCK,
    ShmMap = raw.SQLITE_IOERR_SHMMAP,
    ShmLock = raw.SQLITE_IOERR_SHMLOCK,
}

/// <summary>
/// Decides which call fails: the n-th of those that the fault can affect, alone or with all later ones.
/// </summary>
internal sealed class FaultPlan(FaultKind kind, int failAt, bool persistent)
{
    private int _calls;
    private bool _healed;

    /// <summary>No call fails.</summary>
    public static FaultPlan None => new(FaultKind.IoError, int.MaxValue, persistent: false);

    public bool IsPersistent => persistent;

    /// <summary>The first call that failed, or null.</summary>
    public VfsCall? Hit { get; private set; }

    /// <summary>Ends the fault: from now on no call fails.</summary>
    public void Heal() => _healed = true;

    /// <summary>The error code that this call has to return, or null if it succeeds.</summary>
    public int? Next(VfsCall call)
    {
        if (!CanHit(call) || _healed)
            return null;

        _calls++;
        if (_calls < failAt || (_calls > failAt && !persistent))
            return null;

        Hit ??= call;
        return CodeOf(call);
    }

    private bool CanHit(VfsCall call) =>
        kind == FaultKind.IoError || call is VfsCall.Create or VfsCall.Write or VfsCall.ShmMap;

    private int CodeOf(VfsCall call) => (kind, call) switch
    {
        (FaultKind.DiskFull, VfsCall.Write) => raw.SQLITE_FULL,
        (FaultKind.DiskFull, VfsCall.ShmMap) => raw.SQLITE_IOERR_SHMSIZE,
        _ => (int)call & 0xffff,
    };
}
