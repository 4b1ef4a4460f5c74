namespace ImageGc.Sqlite;

/// <summary>What happens to a change on power loss after its call has returned.</summary>
public enum Durability
{
    /// <summary>The change survives. Each change costs one fsync.</summary>
    Full,

    /// <summary>
    /// The changes since the last checkpoint can be lost, each as a whole. After a failed fsync, power loss
    /// during a checkpoint can damage the file; opening it then salvages it. A process that crashes or is killed loses
    /// nothing. Use it for flash memory that wears out quickly (https://www.sqlite.org/pragma.html#pragma_synchronous).
    /// </summary>
    Normal,
}

/// <summary>How an <see cref="ImageUseStore"/> is opened; <see cref="ImageUseStore.Open"/> reads it once.</summary>
public sealed class ImageUseStoreOptions
{
    /// <summary>
    /// The path of the database file; required. The file is created if it is missing, but its directory is not. The
    /// path can be relative to the current directory; symbolic links are resolved when the store is opened.
    /// </summary>
    /// <remarks>
    /// SQLite keeps a log (`-wal`) and its index (`-shm`) beside the file, and the three belong together. In a
    /// container, mount their directory; a file that is mounted alone is refused. While the store is open, do not open,
    /// copy or hash the file in the same process: closing it drops SQLite's locks
    /// (https://www.sqlite.org/howtocorrupt.html, section 2.2). On Linux one lock survives this, so that no other
    /// program deletes the log, but the locks of a call in progress do not. To copy the database, use
    /// <see cref="ImageUseStore.BackupTo"/>.
    /// </remarks>
    public string DatabasePath { get; set; } = "";

    /// <summary>
    /// How long an image must have been unused before a prune removes it; 7 days by default, as in Azure IoT Edge. Zero
    /// removes every image that is not in use.
    /// </summary>
    public TimeSpan ImageAgeCleanupThreshold { get; set; } = TimeSpan.FromDays(7);

    /// <summary>
    /// How long a call waits for another process that holds the database's lock; 10 seconds by default, at most 24
    /// days. Calls run one at a time, so a thread also waits for the calls before its own, each of which can wait this
    /// long.
    /// </summary>
    public TimeSpan BusyTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// How long the wall clock must run without being set before it is trusted; 1 hour by default, at most 365 days.
    /// Devices without a real-time clock start with a wrong one. Until the clock is trusted, and for images whose last
    /// use was in a boot that ended before that, an image ages only while the device runs. Zero trusts every clock at
    /// once, and applies if <see cref="ImageUseStore.Open"/> gets a <see cref="TimeProvider"/> other than the system's.
    /// </summary>
    public TimeSpan ClockSettleTime { get; set; } = TimeSpan.FromHours(1);

    /// <summary>What happens to changes on power loss; <see cref="Durability.Full"/> by default.</summary>
    public Durability Durability { get; set; } = Durability.Full;

    /// <summary>
    /// The flat file `image_use` of Azure IoT Edge to import, or null. <see cref="ImageUseStore.Open"/> imports it once
    /// and then renames it to `*.imported`. A missing or empty file is not an error. A file in which no line contains
    /// an image is left in place, with an error in the log. If the disk is too full to import the file, it is left for
    /// the next start, with a warning. A file that cannot be renamed is imported at every start and brings back images
    /// that were pruned; a warning says so.
    /// </summary>
    public string? FlatFilePath { get; set; }

    /// <summary>
    /// Whether to open an existing database for reading only; false by default. It is not created, migrated or
    /// salvaged, and no flat file is imported. Calls that would change it fail with
    /// <see cref="StoreErrorReason.ReadOnly"/>. This works on a full disk and for a user without write permission; in
    /// these cases calls can fail with <see cref="StoreErrorReason.Moved"/> after another process changed the database.
    /// Then open it again.
    /// </summary>
    public bool ReadOnly { get; set; }

    /// <summary>The SQLite VFS to use instead of the default one, so that tests can inject faults.</summary>
    internal string? Vfs { get; set; }

    /// <summary>The clocks to use instead of the device's, so that tests can set, stop and restart them.</summary>
    internal DeviceClock? Clock { get; set; }

    /// <summary>Throws if an option is not valid; <see cref="ImageUseStore.Open"/> calls it.</summary>
    /// <exception cref="ArgumentException">An option is not valid; the parameter name is its name.</exception>
    public void Validate()
    {
        RequirePath(DatabasePath, nameof(DatabasePath));
        if (DatabasePath == ":memory:" || DatabasePath.StartsWith("file:", StringComparison.Ordinal))
            throw new ArgumentException(
                $"{nameof(DatabasePath)} is '{DatabasePath}': use the path of a file.", nameof(DatabasePath));
        RequireThreshold(ImageAgeCleanupThreshold, nameof(ImageAgeCleanupThreshold));
        if (ClockSettleTime < TimeSpan.Zero || ClockSettleTime > TimeSpan.FromDays(365))
            throw new ArgumentOutOfRangeException(
                nameof(ClockSettleTime), ClockSettleTime, $"{nameof(ClockSettleTime)} must be from 0 to 365 days.");
        if (BusyTimeout < TimeSpan.Zero || BusyTimeout > TimeSpan.FromMilliseconds(int.MaxValue))
            throw new ArgumentOutOfRangeException(
                nameof(BusyTimeout), BusyTimeout, $"{nameof(BusyTimeout)} must be from 0 to 24 days.");
        if (!Enum.IsDefined(Durability))
            throw new ArgumentOutOfRangeException(
                nameof(Durability), Durability, $"{nameof(Durability)} is {Durability}: use Full or Normal.");
        if (FlatFilePath is null)
            return;
        RequirePath(FlatFilePath, nameof(FlatFilePath));
        RequireOtherFile(
            DatabaseFile.FullPathOf(FlatFilePath), DatabaseFile.FullPathOf(DatabasePath), nameof(FlatFilePath));
    }

    private static void RequirePath(string path, string parameterName)
    {
        if (string.IsNullOrWhiteSpace(path) || path.Contains('\0', StringComparison.Ordinal))
            throw new ArgumentException($"{parameterName} is missing, or is not the path of a file.", parameterName);
    }

    /// <remarks>
    /// Opening the database as a plain file would drop SQLite's locks (<see cref="DatabaseFile"/>), and SQLite would
    /// use a file with the name of its log as its log.
    /// </remarks>
    internal static void RequireOtherFile(string path, string databasePath, string parameterName)
    {
        var (given, database) = (DatabaseFile.RealPathOf(path), DatabaseFile.RealPathOf(databasePath));
        if (given.StartsWith(database, StringComparison.Ordinal)
            && given[database.Length..] is "" or "-wal" or "-shm" or "-journal")
            throw new ArgumentException($"'{path}' belongs to the database: use another file.", parameterName);
    }

    internal static void RequireThreshold(TimeSpan threshold, string parameterName)
    {
        if (threshold < TimeSpan.Zero)
            throw new ArgumentOutOfRangeException(parameterName, threshold, "The threshold is negative.");
    }
}
