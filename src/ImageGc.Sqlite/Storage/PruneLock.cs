namespace ImageGc.Sqlite;

/// <summary>Lets one program at a time remove images by a database: a lock on a file that stands beside it.</summary>
/// <remarks>The file stays when the lock goes, with the program that held it or before; it is empty.</remarks>
internal static class PruneLock
{
    private const int LockedOnLinux = 11; // EWOULDBLOCK
    private const int LockedOnMac = 35;
    private const int LockedOnWindows = unchecked((int)0x80070020); // ERROR_SHARING_VIOLATION

    /// <returns>The lock, until it is disposed; null if another program or store has it.</returns>
    /// <exception cref="ImageUseStoreException">The file cannot be opened.</exception>
    public static IDisposable? TryTake(string databasePath)
    {
        var path = $"{databasePath}.run";
        try
        {
            var options = new FileStreamOptions
            {
                Mode = FileMode.OpenOrCreate,
                Access = FileAccess.ReadWrite,
                Share = FileShare.None,
            };
            if (!OperatingSystem.IsWindows())
                options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
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
