namespace ImageGc.Sqlite;

/// <summary>A lock on a file beside the database, so that one store at a time removes images with it.</summary>
/// <remarks>
/// The lock ends at the latest with its process, because .NET locks with flock. The empty file stays: if it were
/// deleted, two processes could lock two files of the same name.
/// </remarks>
internal static class PruneLock
{
    /// <summary>The longest time for which <see cref="IsHeld"/> itself holds the lock.</summary>
    private static readonly TimeSpan LongestTest = TimeSpan.FromMilliseconds(50);

    private const int LockedOnLinux = 11; // EWOULDBLOCK
    private const int LockedOnMac = 35; // EWOULDBLOCK
    private const int LockedOnWindows = unchecked((int)0x80070020); // ERROR_SHARING_VIOLATION

    /// <returns>The lock, which is released when it is disposed; null if another store has it.</returns>
    /// <exception cref="ImageUseStoreException">The file cannot be opened.</exception>
    public static IDisposable? TryTake(string databasePath)
    {
        var options = new FileStreamOptions
        {
            Mode = FileMode.Open,
            Access = FileAccess.ReadWrite,
            Share = FileShare.None,
        };
        if (TryOpen(databasePath, options) is { } taken)
            return taken;
        Thread.Sleep(LongestTest);
        return TryOpen(databasePath, options);
    }

    /// <summary>Returns whether a store has the lock.</summary>
    /// <exception cref="ImageUseStoreException">The file cannot be opened.</exception>
    public static bool IsHeld(string databasePath)
    {
        if (!File.Exists(PathOf(databasePath)))
            return false;
        var options = new FileStreamOptions { Mode = FileMode.Open, Access = FileAccess.Read, Share = FileShare.Read };
        using var shared = TryOpen(databasePath, options);
        return shared is null;
    }

    private static string PathOf(string databasePath) => $"{databasePath}.run";

    private static FileStream? TryOpen(string databasePath, FileStreamOptions options)
    {
        var path = PathOf(databasePath);
        try
        {
            if (options.Access == FileAccess.ReadWrite)
                DatabaseFile.CreateIfMissing(path);
            return new FileStream(path, options);
        }
        catch (IOException taken) when (taken.HResult is LockedOnLinux or LockedOnMac or LockedOnWindows)
        {
            return null;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw StorageFailure.From(exception, databasePath, $"open the lock file '{path}' of",
                "Let this user write to the file and its directory.");
        }
    }
}
