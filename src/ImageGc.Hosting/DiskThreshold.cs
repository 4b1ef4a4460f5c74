using System.Globalization;
using ImageGc.Sqlite;

namespace ImageGc.Hosting;

/// <summary>How full a disk may be: in percent used, as `df` shows it, or in bytes that are still free.</summary>
public readonly record struct DiskThreshold
{
    private const int FullPercent = 100;

    private readonly int _percent;

    private DiskThreshold(int percent, long? freeBytes) => (_percent, FreeBytes) = (percent, freeBytes);

    /// <summary>What to write, for messages.</summary>
    internal const string AcceptedForms = "use percent used, such as 85%, or what is to stay free, such as 2GB";

    /// <summary>In percent used; null if it is in bytes free.</summary>
    public int? UsedPercent => FreeBytes is null ? _percent : null;

    /// <summary>In bytes free; null if it is in percent used.</summary>
    public long? FreeBytes { get; }

    /// <summary>So many percent are used.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is not from 0 to 100.</exception>
    public static DiskThreshold OfUsedPercent(int percent)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(percent);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(percent, FullPercent);
        return new DiskThreshold(percent, null);
    }

    /// <summary>So many bytes are free.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is negative.</exception>
    public static DiskThreshold OfFreeBytes(long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        return new DiskThreshold(0, bytes);
    }

    /// <summary>Reads `85%`, `85` or `2GB`.</summary>
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

    /// <summary>`85%`, or `2 GB free`.</summary>
    public override string ToString() => FreeBytes is { } free
        ? $"{SizeText.Format(free)} free"
        : string.Create(CultureInfo.InvariantCulture, $"{_percent}%");

    /// <summary>Whether so much of a disk is used, or so little free, or less.</summary>
    /// <exception cref="ArgumentNullException">The usage is null.</exception>
    public bool IsReachedBy(DiskUsage usage)
    {
        ArgumentNullException.ThrowIfNull(usage);
        return MarginOf(usage) <= 0;
    }

    /// <summary>What it asks for, to follow a semicolon.</summary>
    internal string Demand =>
        FreeBytes is { } free ? $"at least {SizeText.Format(free)} must stay free" : $"at most {this} may be used";

    /// <summary>The low threshold to this high one: 5 points less, or half as much again free.</summary>
    internal DiskThreshold LowByDefault => FreeBytes is { } free
        ? OfFreeBytes((long)Int128.Min(long.MaxValue, (Int128)free * 3 / 2))
        : OfUsedPercent(Math.Max(0, _percent - 5));

    /// <summary>How far the disk is from being so full; negative if it is fuller.</summary>
    internal double MarginOf(DiskUsage usage) =>
        FreeBytes is { } free ? usage.AvailableBytes - free : _percent - usage.UsedPercent;

    /// <summary>Whether so much can ever be free: else every unused image would go in vain.</summary>
    internal bool IsPossibleOn(DiskUsage usage) =>
        FreeBytes is null || FreeBytes < usage.UsedBytes + usage.AvailableBytes;
}
