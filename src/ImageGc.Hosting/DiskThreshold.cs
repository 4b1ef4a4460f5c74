using System.Globalization;
using ImageGc.Sqlite;

namespace ImageGc.Hosting;

/// <summary>How full a disk can become: in percent used, as `df` shows it, or in bytes that are still free.</summary>
public readonly record struct DiskThreshold
{
    private const int FullPercent = 100;

    private readonly int _percent;

    private DiskThreshold(int percent, long? freeBytes) => (_percent, FreeBytes) = (percent, freeBytes);

    /// <summary>The advice of error messages.</summary>
    internal const string AcceptedForms = "use a percentage used, such as 85%, or a size to keep free, such as 2GB";

    /// <summary>The percentage used, from 0 to 100; null if the threshold is in bytes free.</summary>
    public int? UsedPercent => FreeBytes is null ? _percent : null;

    /// <summary>The bytes free; null if the threshold is in percent used.</summary>
    public long? FreeBytes { get; }

    /// <summary>Creates a threshold in percent used.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="percent"/> is not from 0 to 100.</exception>
    public static DiskThreshold OfUsedPercent(int percent)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(percent);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(percent, FullPercent);
        return new DiskThreshold(percent, null);
    }

    /// <summary>Creates a threshold in bytes free.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="bytes"/> is negative.</exception>
    public static DiskThreshold OfFreeBytes(long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        return new DiskThreshold(0, bytes);
    }

    /// <summary>Parses `85%`, `85` or `2GB`; returns false for any other text.</summary>
    /// <exception cref="ArgumentNullException"><paramref name="text"/> is null.</exception>
    public static bool TryParse(string text, out DiskThreshold threshold)
    {
        ArgumentNullException.ThrowIfNull(text);
        threshold = default;
        if (int.TryParse(text.TrimEnd('%'), NumberStyles.None, CultureInfo.InvariantCulture, out var percent))
        {
            threshold = new DiskThreshold(percent, null);
            return percent <= FullPercent;
        }

        if (!SizeText.TryParse(text, out var bytes))
            return false;
        threshold = OfFreeBytes(bytes);
        return true;
    }

    /// <summary>Returns text such as `85%` or `2 GB free`.</summary>
    public override string ToString() => FreeBytes is { } free
        ? $"{SizeText.Format(free)} free"
        : string.Create(CultureInfo.InvariantCulture, $"{_percent}%");

    /// <summary>Returns whether a disk is as full as this, or fuller.</summary>
    /// <exception cref="ArgumentNullException"><paramref name="usage"/> is null.</exception>
    public bool IsReachedBy(DiskUsage usage)
    {
        ArgumentNullException.ThrowIfNull(usage);
        return MarginOf(usage) <= 0;
    }

    /// <summary>The requirement as a clause, such as `at most 85% may be used`.</summary>
    internal string Demand =>
        FreeBytes is { } free ? $"at least {SizeText.Format(free)} must stay free" : $"at most {this} may be used";

    /// <summary>
    /// The default of <see cref="ImageGarbageCollectionOptions.LowThreshold"/> if this is the high threshold.
    /// </summary>
    internal DiskThreshold LowByDefault => FreeBytes is { } free
        ? OfFreeBytes((long)Int128.Min(long.MaxValue, (Int128)free * 3 / 2))
        : OfUsedPercent(Math.Max(0, _percent - 5));

    /// <summary>How many percentage points or bytes are left on a disk; negative if it is fuller.</summary>
    internal double MarginOf(DiskUsage usage) =>
        FreeBytes is { } free ? usage.AvailableBytes - free : _percent - usage.UsedPercent;

    /// <summary>Whether a disk of this size can have so many bytes free. If not, every removal is in vain.</summary>
    internal bool IsPossibleOn(DiskUsage usage) =>
        FreeBytes is null || FreeBytes < usage.UsedBytes + usage.AvailableBytes;
}
