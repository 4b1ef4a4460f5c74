using System.Runtime.InteropServices;

namespace ImageGc.Sqlite;

/// <summary>What the system says of a file without opening it (https://man7.org/linux/man-pages/man2/statx.2.html).</summary>
/// <param name="Inode">With <paramref name="Device"/>, which file it is, whatever its name.</param>
/// <param name="Device">The file system that holds it.</param>
/// <param name="Length">Bytes.</param>
/// <param name="ModifiedAt">Nanoseconds since 1970, as far as the file system counts them.</param>
internal readonly partial record struct FileStatus(ulong Inode, ulong Device, ulong Length, long ModifiedAt)
{
    private const int CurrentDirectory = -100;
    private const int OfDescriptor = 0x1000; // AT_EMPTY_PATH
    private const uint BasicStatus = 0x7ff;
    private const ulong MountRoot = 0x2000;

    /// <summary>How many names it has.</summary>
    public uint Links { get; private init; }

    /// <summary>Whether it alone is mounted here, without its directory. Kernels before 5.8 do not say.</summary>
    public bool IsMountPoint { get; private init; }

    /// <summary>Which file it is, whatever is written to it.</summary>
    public (ulong, ulong) Identity => (Device, Inode);

    /// <returns>Null if there is no such file, and on other systems than Linux.</returns>
    public static FileStatus? Of(string path) => Ask(CurrentDirectory, path, 0);

    public static FileStatus? Of(int descriptor) => Ask(descriptor, "", OfDescriptor);

    private static FileStatus? Ask(int directory, string path, int flags)
    {
        if (!OperatingSystem.IsLinux() || Statx(directory, path, flags, BasicStatus, out var answer) != 0)
            return null;
        return new FileStatus(
            answer.Inode,
            ((ulong)answer.DeviceMajor << 32) | answer.DeviceMinor,
            answer.Size,
            (answer.ModifiedSeconds * 1_000_000_000) + answer.ModifiedNanoseconds)
        {
            Links = answer.Links,
            IsMountPoint = (answer.Attributes & MountRoot) != 0,
        };
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

        [FieldOffset(32)]
        public ulong Inode;

        [FieldOffset(40)]
        public ulong Size;

        [FieldOffset(112)]
        public long ModifiedSeconds;

        [FieldOffset(120)]
        public uint ModifiedNanoseconds;

        [FieldOffset(136)]
        public uint DeviceMajor;

        [FieldOffset(140)]
        public uint DeviceMinor;
    }
}
