using System.Globalization;

namespace ImageGc.Sqlite;

public sealed partial class ImageUseStore
{
    /// <summary>The key of the note that names the holder of the lock, for the message to others.</summary>
    private const string PrunerNote = "pruner";

    private readonly Lock _locking = new();
    private IDisposable? _pruneLock;

    /// <summary>
    /// Makes this store the only one that can remove images with the database, until it is disposed or its process
    /// ends, even by a crash. <see cref="PruneAsync"/> of every other store, in any process, is refused. If your host
    /// cleans up on a schedule, call it at startup, so that no other program prunes with other settings. Calling it
    /// again has no effect.
    /// </summary>
    /// <remarks>
    /// The lock is on the file `*.run` beside the database. The first call creates it, which needs a free inode. Other
    /// stores can still record uses, explain a prune, and call <see cref="Prune"/>, which decides in one transaction
    /// and leaves the removal to its caller.
    /// </remarks>
    /// <exception cref="ImageUseStoreException">
    /// Another store has the lock (<see cref="StoreErrorReason.Busy"/>; the message names its process), or the lock
    /// file cannot be opened, for example because the disk has no inode for it (<see cref="StoreErrorReason.Full"/>).
    /// </exception>
    public void LockPrunes()
    {
        lock (_locking)
            _pruneLock ??= TakePruneLock();
    }

    /// <summary>
    /// Returns whether a store, of this or another process, has the lock: it called <see cref="LockPrunes"/>, or its
    /// <see cref="PruneAsync"/> is running.
    /// </summary>
    /// <exception cref="ImageUseStoreException">The lock file cannot be opened.</exception>
    public bool ArePrunesLocked() => PruneLock.IsHeld(_database.Path);

    private IDisposable TakePruneLock()
    {
        _database.RequireWriting("prune the images"); // Before the lock, because that creates a file.
        var taken = PruneLock.TryTake(_database.Path) ?? throw new ImageUseStoreException(
            StoreErrorReason.Busy, _database.Path,
            $"Could not prune the images in '{_database.Path}': {FindNote(PrunerNote) ?? "another process"} removes "
            + "images with this database, and only one process can at a time. Wait until it ends, or stop it.");
        try
        {
            var name = Path.GetFileName(Environment.ProcessPath);
            var since = _time.GetUtcNow().ToString("u", CultureInfo.InvariantCulture);
            RecordUse([], new Dictionary<string, string>
            {
                [PrunerNote] = $"process {Environment.ProcessId} ({name}), since {since},",
            });
            return taken;
        }
        catch (ImageUseStoreException full) when (IsFull(full))
        {
            return taken; // The note can be missing, and a full disk is a reason to prune.
        }
        catch
        {
            taken.Dispose();
            throw;
        }
    }
}
