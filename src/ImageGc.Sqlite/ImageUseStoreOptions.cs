namespace ImageGc.Sqlite;

/// <summary>What a returned call promises about power loss.</summary>
public enum Durability
{
    /// <summary>An acknowledged change survives power loss: one fsync a change.</summary>
    Full,

    /// <summary>
    /// Power loss may take back the last changes, up to the last checkpoint, but never leaves half of one.
    /// After a failed sync, power loss during a checkpoint can damage the file; opening it then salvages it.
    /// A process that crashes or is killed loses nothing. For media that wear out quickly.
    /// </summary>
    Normal,
}

/// <summary>How an <see cref="ImageUseStore"/> is opened. Read once, by <see cref="ImageUseStore.Open"/>.</summary>
public sealed class ImageUseStoreOptions
{
    /// <summary>
    /// The database file; required. It is created if missing, its directory never. A relative path counts from the
    /// current directory, and links are resolved when it is opened.
    /// </summary>
    /// <remarks>
    /// SQLite keeps a log (`-wal`) and its index (`-shm`) beside it, and the three belong together. Mount the directory
    /// into a container, never the file alone, which is refused. While it is open, do not open, copy or hash the file
    /// in this program: closing such a handle drops SQLite's locks. One of those is held in a way that outlives this,
    /// on Linux, so that no other program takes the log away; the locks of a call that is going on are not. Use
    /// <see cref="ImageUseStore.BackupTo"/> for a copy.
    /// </remarks>
    public string DatabasePath { get; set; } = "";

    /// <summary>
    /// How long an image must have been unused before a prune removes it; 7 days by default, the default of Azure IoT
    /// Edge. Zero removes every image not in use. Fractions of a second are rounded up.
    /// </summary>
    public TimeSpan ImageAgeCleanupThreshold { get; set; } = TimeSpan.FromDays(7);

    /// <summary>
    /// How long a call waits for another process that holds the database's lock; 10 seconds by default, 24 days at the
    /// most. Calls take turns, so of several threads each may wait so long after the one before.
    /// </summary>
    public TimeSpan BusyTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// How long a boot's clock must not have been set before it is believed; an hour by default. Devices without a
    /// real-time clock start with a wrong one. Until then, and for images used in a boot that ended earlier, only the
    /// time that the device demonstrably ran makes images old. Zero believes every clock at once. It is zero too where
    /// <see cref="ImageUseStore.Open"/> gets a <see cref="TimeProvider"/> other than the system's.
    /// </summary>
    public TimeSpan ClockSettleTime { get; set; } = TimeSpan.FromHours(1);

    /// <summary>What a returned call promises about power loss; <see cref="Durability.Full"/> by default.</summary>
    public Durability Durability { get; set; } = Durability.Full;

    /// <summary>
    /// The flat file `image_use` of Azure IoT Edge to take over, if there is one: imported once by
    /// <see cref="ImageUseStore.Open"/> and then renamed to `*.imported`. A missing or empty file is no error. A file
    /// of which no line is an image stays where it is, with an error in the log. If it cannot be renamed, it is
    /// imported at every start, and brings back what was pruned: a warning says so.
    /// </summary>
    public string? FlatFilePath { get; set; }

    /// <summary>
    /// Opens an existing database only to look at it: it is neither created nor migrated nor salvaged, and no flat file
    /// is taken over. Every call that would change it fails with <see cref="StoreErrorReason.ReadOnly"/>. Works on a
    /// full disk and for a user who may only read; there, once others change the database, calls fail with
    /// <see cref="StoreErrorReason.Moved"/> until it is opened anew. False by default.
    /// </summary>
    public bool ReadOnly { get; set; }

    /// <summary>The SQLite VFS to use instead of the default one, so that tests can inject faults.</summary>
    internal string? Vfs { get; set; }

    /// <summary>The clocks to use instead of the device's, so that tests can set, stop and restart them.</summary>
    internal DeviceClock? Clock { get; set; }

    /// <summary>Throws if an option has no valid value, as <see cref="ImageUseStore.Open"/> does.</summary>
    /// <exception cref="ArgumentException">An option has no valid value; its name is the parameter's.</exception>
    public void Validate()
    {
        RequirePath(DatabasePath, nameof(DatabasePath));
        if (DatabasePath == ":memory:" || DatabasePath.StartsWith("file:", StringComparison.Ordinal))
            throw new ArgumentException(
                $"{nameof(DatabasePath)} is '{DatabasePath}': name a file that lasts.", nameof(DatabasePath));
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
            throw new ArgumentException($"{parameterName} is missing or not a path: name a file.", parameterName);
    }

    /// <remarks>
    /// Closing a database that was opened as a plain file drops SQLite's locks on it, and SQLite takes what has the
    /// name of one of its logs for a log.
    /// </remarks>
    internal static void RequireOtherFile(string path, string databasePath, string parameterName)
    {
        var (given, database) = (DatabaseFile.RealPathOf(path), DatabaseFile.RealPathOf(databasePath));
        if (given.StartsWith(database, StringComparison.Ordinal)
            && given[database.Length..] is "" or "-wal" or "-shm" or "-journal")
            throw new ArgumentException($"'{path}' belongs to the database itself: name another file.", parameterName);
    }

    internal static void RequireThreshold(TimeSpan threshold, string parameterName)
    {
        if (threshold < TimeSpan.Zero)
            throw new ArgumentOutOfRangeException(parameterName, threshold, $"{parameterName} is negative.");
    }
}
