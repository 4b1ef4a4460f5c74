namespace ImageGc.Sqlite;

/// <summary>Lets one program at a time remove images by a database: a lock on a file that stands beside it.</summary>
/// <remarks>The file stays when the lock goes, with the program that held it or before; it is empty.</remarks>
internal static class PruneLock
{
    /// <summary>For which <see cref="IsHeld"/> itself holds the lock, at the most.</summary>
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(50);

    private const int LockedOnLinux = 11; // EWOULDBLOCK
    private const int LockedOnMac = 35;
    private const int LockedOnWindows = unchecked((int)0x80070020); // ERROR_SHARING_VIOLATION

    /// <returns>The lock, until it is disposed; null if another program or store has it.</returns>
    /// <exception cref="ImageUseStoreException">The file cannot be opened.</exception>
    public static IDisposable? TryTake(string databasePath)
    {
        var options = new FileStreamOptions
        {
            Mode = FileMode.OpenOrCreate,
            Access = FileAccess.ReadWrite,
            Share = FileShare.None,
        };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        if (TryOpen(databasePath, options) is { } taken)
            return taken;
        Thread.Sleep(Look);
        return TryOpen(databasePath, options);
    }

    /// <summary>Whether a program or store has the lock.</summary>
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
            return new FileStream(path, options);
        }
        catch (IOException taken) when (taken.HResult is LockedOnLinux or LockedOnMac or LockedOnWindows)
        {
            return null;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw ImageUseStoreException.Unavailable(databasePath,
                $"the lock for those who remove images, '{path}', cannot be opened: {exception.Message} Let this user "
                + "write it and its directory.", exception);
        }
    }
}
