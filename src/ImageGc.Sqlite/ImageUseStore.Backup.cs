namespace ImageGc.Sqlite;

public sealed partial class ImageUseStore
{
    /// <summary>
    /// Copies the database to a new file while it is in use: one consistent state, in a file that is complete and on
    /// the medium when it appears.
    /// </summary>
    /// <param name="path">The new file; it gets mode 0600.</param>
    /// <remarks>
    /// Do not copy the file itself: <see cref="File.Copy(string, string)"/> misses what is still in the log, and
    /// closing the file in this process drops SQLite's locks on it (https://www.sqlite.org/howtocorrupt.html, 2.2).
    /// </remarks>
    /// <exception cref="ArgumentException">The path is empty, or names the database itself.</exception>
    /// <exception cref="ImageUseStoreException">
    /// The database could not be read, the file could not be written, or there is a file of that name already, which is
    /// never overwritten.
    /// </exception>
    public void BackupTo(string path)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        path = DatabaseFile.FullPathOf(path);
        ImageUseStoreOptions.RequireOtherFile(path, _database.Path, nameof(path));
        WriteNewFile(path, "back up", _database.CopyTo);
        _log.BackedUp(_database.Path, path);
    }
}
