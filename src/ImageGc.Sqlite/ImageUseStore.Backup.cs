namespace ImageGc.Sqlite;

public sealed partial class ImageUseStore
{
    /// <summary>
    /// Copies the database to a new file while it is in use. The copy is one consistent state, and it is complete and
    /// synced to disk before it gets its name.
    /// </summary>
    /// <param name="path">The new file; it gets mode 0600.</param>
    /// <remarks>
    /// <see cref="File.Copy(string, string)"/> would miss the changes that are still in the log, and drop SQLite's
    /// locks (see <see cref="ImageUseStoreOptions.DatabasePath"/>).
    /// </remarks>
    /// <exception cref="ArgumentException">The path is empty, or is that of the database or its log.</exception>
    /// <exception cref="ImageUseStoreException">
    /// The database could not be read, or the file could not be written or exists already; it is never overwritten.
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
