using System.Globalization;
using ImageGc.Sqlite;

namespace ImageGc.Hosting;

/// <summary>How full a disk is, as `df` shows it.</summary>
public sealed record DiskUsage
{
    /// <summary>What is used.</summary>
    public required long UsedBytes { get; init; }

    /// <summary>What may still be written; less than what is free where some is reserved.</summary>
    public required long AvailableBytes { get; init; }

    /// <summary>Of the disk that holds this directory.</summary>
    /// <exception cref="IOException">The disk cannot be measured.</exception>
    public static DiskUsage OfDirectory(string directory)
    {
        var disk = new DriveInfo(directory);
        if (disk.TotalSize == 0)
            throw new IOException($"The directory '{directory}' is on no disk, since that has no size: name another.");
        return new DiskUsage
        {
            UsedBytes = disk.TotalSize - disk.TotalFreeSpace,
            AvailableBytes = disk.AvailableFreeSpace,
        };
    }

    /// <summary>`92% full, 1.2 GB free`.</summary>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture, $"{UsedPercent:F0}% full, {SizeText.Format(AvailableBytes)} free");

    internal double UsedPercent =>
        UsedBytes + AvailableBytes == 0 ? 0 : 100.0 * UsedBytes / (UsedBytes + AvailableBytes);
}
