using System.Globalization;
using ImageGc.Sqlite;

namespace ImageGc.Hosting;

/// <summary>How full a disk is, as `df` shows it.</summary>
public sealed record DiskUsage
{
    /// <summary>The number of bytes in use.</summary>
    public required long UsedBytes { get; init; }

    /// <summary>The number of bytes that can still be written, without those that the file system reserves.</summary>
    public required long AvailableBytes { get; init; }

    /// <summary>Measures the disk that holds a directory.</summary>
    /// <exception cref="IOException">The disk cannot be measured.</exception>
    public static DiskUsage OfDirectory(string directory)
    {
        var disk = new DriveInfo(directory);
        if (disk.TotalSize == 0)
            throw new IOException(
                $"'{directory}' is not on a disk: its file system has no size. Name another directory.");
        return new DiskUsage
        {
            UsedBytes = disk.TotalSize - disk.TotalFreeSpace,
            AvailableBytes = disk.AvailableFreeSpace,
        };
    }

    /// <summary>Returns text such as `92% full, 1.2 GB free`.</summary>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture, $"{UsedPercent:F0}% full, {SizeText.Format(AvailableBytes)} free");

    // As df(1) computes it: blocks that the file system reserves count neither as used nor as available.
    internal double UsedPercent =>
        UsedBytes + AvailableBytes == 0 ? 0 : 100.0 * UsedBytes / (UsedBytes + AvailableBytes);
}
