using System.Runtime.InteropServices;

namespace ImageGc.Sqlite;

/// <summary>
/// What the system reports about a file without opening it (https://man7.org/linux/man-pages/man2/statx.2.html).
/// </summary>
/// <param name="Identity">The file system and the inode, which identify a file whatever its name.</param>
/// <param name="Links">How many names it has.</param>
/// <param name="IsMountPoint">
/// Whether the file alone is mounted, without its directory. Kernels before 5.8 do not report it.
/// </param>
/// <param name="User">The user that owns it.</param>
/// <param name="Group">The group that owns it.</param>
internal readonly partial record struct FileStatus(
    (ulong, ulong) Identity, uint Links, bool IsMountPoint, uint User, uint Group)
{
    private const int CurrentDirectory = -100;
    private const int OfDescriptor = 0x1000; // AT_EMPTY_PATH

    /// <remarks>
    /// STATX_INO, STATX_NLINK, STATX_UID and STATX_GID, but no times: after a query of the times, the kernel gives the
    /// next write a finer timestamp, which makes a record a quarter slower
    /// (https://docs.kernel.org/filesystems/multigrain-ts.html).
    /// </remarks>
    private const uint Wanted = 0x11c;
    private const ulong MountRoot = 0x2000;

    /// <returns>Null if the file does not exist, and on systems other than Linux.</returns>
    public static FileStatus? Of(string path) => Ask(CurrentDirectory, path, 0);

    public static FileStatus? Of(int descriptor) => Ask(descriptor, "", OfDescriptor);

    private static FileStatus? Ask(int directory, string path, int flags)
    {
        if (!OperatingSystem.IsLinux() || Statx(directory, path, flags, Wanted, out var answer) != 0)
            return null;
        return new FileStatus(
            (((ulong)answer.DeviceMajor << 32) | answer.DeviceMinor, answer.Inode),
            answer.Links,
            IsMountPoint: (answer.Attributes & MountRoot) != 0,
            answer.User,
            answer.Group);
    }

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Statx(int directory, string path, int flags, uint mask, out Answer answer);

    /// <summary>`struct statx`, which is the same on every architecture.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    private struct Answer
    {
        [FieldOffset(8)]
        public ulong Attributes;

        [FieldOffset(16)]
        public uint Links;

        [FieldOffset(20)]
        public uint User;

        [FieldOffset(24)]
        public uint Group;

        [FieldOffset(32)]
        public ulong Inode;

        [FieldOffset(136)]
        public uint DeviceMajor;

        [FieldOffset(140)]
        public uint DeviceMinor;
    }
}
