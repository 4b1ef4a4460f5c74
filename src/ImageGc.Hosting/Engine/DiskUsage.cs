namespace ImageGc.Hosting;

/// <summary>How full a disk is.</summary>
/// <param name="TotalBytes">Its size.</param>
/// <param name="AvailableBytes">What may still be written to it.</param>
public sealed record DiskUsage(long TotalBytes, long AvailableBytes)
{
    internal double UsedPercent => TotalBytes == 0 ? 0 : 100.0 * (TotalBytes - AvailableBytes) / TotalBytes;
}
