using System.Globalization;

namespace ImageGc.Sqlite;

public sealed partial class ImageUseStore
{
    private const string PrunerNote = "pruner";

    private readonly Lock _locking = new();
    private IDisposable? _pruneLock;

    /// <summary>
    /// Keeps all others from removing images by this database until the store is disposed of or the program ends,
    /// however it does: <see cref="PruneAsync"/> of every other store, in whatever process, is refused. A host that
    /// cleans up on schedule calls it at its start, so that no other one does so by other settings. Repeat it freely.
    /// </summary>
    /// <remarks>
    /// A lock on the file `….run` beside the database. Uses are recorded and verdicts asked for all the same, and
    /// <see cref="Prune"/> works: its decision is one transaction, and what it returns is its caller's to remove.
    /// </remarks>
    /// <exception cref="ImageUseStoreException">
    /// Another one removes images, which the message names (<see cref="StoreErrorReason.Busy"/>); or the lock cannot be
    /// had.
    /// </exception>
    public void LockPrunes()
    {
        lock (_locking)
            _pruneLock ??= TakePruneLock();
    }

    /// <summary>
    /// Whether a program, or a store of this one, keeps all others from removing images. A host that cleans up does so
    /// as long as it lives.
    /// </summary>
    /// <exception cref="ImageUseStoreException">The lock cannot be looked at.</exception>
    public bool ArePrunesLocked() => PruneLock.IsHeld(_database.Path);

    private IDisposable TakePruneLock()
    {
        var taken = PruneLock.TryTake(_database.Path) ?? throw new ImageUseStoreException(
            StoreErrorReason.Busy, _database.Path,
            $"Could not prune the images in '{_database.Path}': {FindNote(PrunerNote) ?? "another program"} removes "
            + "images by this database, and only one may at a time. Wait until it ends, or stop it.");
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
            return taken; // A full disk is what it removes images for.
        }
        catch
        {
            taken.Dispose();
            throw;
        }
    }
}
