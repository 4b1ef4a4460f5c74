using System.Runtime.InteropServices;
using ImageGc.Sqlite;

namespace ImageGc.Native;

/// <summary>The structure imagegc_options.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly unsafe struct OptionsStructure
{
    private const int MaxSize = 4096; // A page, as for openat2. A larger size is garbage.

    private readonly nuint _size;
    private readonly byte* _databasePath;
    private readonly byte* _flatFilePath;
    private readonly long _thresholdSeconds;
    private readonly long _busyTimeoutMilliseconds;
    private readonly long _clockSettleSeconds;
    private readonly int _durability;
    private readonly int _readOnly;

    /// <remarks>
    /// A program that was compiled for a newer version may pass a larger structure, if the fields that are unknown here
    /// are zero: the rule of openat2 (https://man7.org/linux/man-pages/man2/openat2.2.html, "Extensibility").
    /// </remarks>
    /// <exception cref="ArgumentException">It is NULL, too small, or sets a field that is unknown here.</exception>
    public static ImageUseStoreOptions Read(OptionsStructure* options)
    {
        if (options is null)
            throw new ArgumentException("options is NULL.");
        var size = options->_size;
        if (size < (nuint)sizeof(OptionsStructure) || size > MaxSize)
            throw new ArgumentException($"options.size is {size}: set it to sizeof(imagegc_options).");
        if (new ReadOnlySpan<byte>(options + 1, (int)size - sizeof(OptionsStructure)).ContainsAnyExcept((byte)0))
            throw new ArgumentException("options sets a field that this version of the library does not know.");
        return options->Convert();
    }

    private ImageUseStoreOptions Convert()
    {
        var options = new ImageUseStoreOptions
        {
            DatabasePath = Utf8Text.ReadPath(_databasePath, "database_path"),
            FlatFilePath = _flatFilePath is null ? null : Utf8Text.ReadPath(_flatFilePath, "flat_file_path"),
            Durability = (Durability)_durability,
            ReadOnly = _readOnly switch
            {
                0 => false,
                1 => true,
                _ => throw new ArgumentException($"read_only is {_readOnly}: use 0 or 1."),
            },
        };
        if (!Enum.IsDefined(options.Durability))
            throw new ArgumentException($"durability is {_durability}: use an imagegc_durability.");
        if (options.DatabasePath == ":memory:" || options.DatabasePath.StartsWith("file:", StringComparison.Ordinal))
            throw new ArgumentException($"database_path is '{options.DatabasePath}': name a file on a disk.");

        if (_thresholdSeconds != 0 && Duration.Seconds(_thresholdSeconds, "threshold_seconds") is { } threshold)
            options.ImageAgeCleanupThreshold = threshold;
        if (_busyTimeoutMilliseconds != 0 && Duration.Milliseconds(_busyTimeoutMilliseconds) is { } timeout)
            options.BusyTimeout = timeout;
        if (_clockSettleSeconds != 0 && Duration.ClockSettleTime(_clockSettleSeconds) is { } settleTime)
            options.ClockSettleTime = settleTime;
        return options;
    }
}
