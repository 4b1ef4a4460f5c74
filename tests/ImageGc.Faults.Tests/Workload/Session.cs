using ImageGc.Faults.Tests.PowerCut;
using ImageGc.Sqlite;
using Microsoft.Data.Sqlite;

namespace ImageGc.Faults.Tests.Workload;

/// <summary>A store that is opened when it is first used, and again after it was closed.</summary>
/// <param name="syncs">
/// Gets a sync of the directory for each open store: the library syncs it without SQLite, so the VFS cannot see it.
/// </param>
internal sealed class Session(ImageUseStoreOptions options, SteppingTime time, Recording? syncs = null) : IDisposable
{
    private ImageUseStore? _store;

    public ImageUseStore Store => _store ??= Open();

    public bool IsOpen => _store is not null;

    public SteppingTime Time => time;

    public Moment Now => Moment.OfWall(time.GetUtcNow().ToUnixTimeMilliseconds());

    public void Close()
    {
        _store?.Dispose();
        _store = null;
    }

    /// <summary>
    /// Another connection moves the log into the database and restarts it, as automatic checkpoints do.
    /// </summary>
    public void Checkpoint()
    {
        try
        {
            using var other = new SqliteConnection(new SqliteConnectionStringBuilder
            {
                DataSource = options.DatabasePath,
                Mode = SqliteOpenMode.ReadWrite,
                Vfs = options.Vfs,
                Pooling = false,
            }.ToString());
            other.Open();
            using var checkpoint = other.CreateCommand();
            checkpoint.CommandText = "PRAGMA synchronous = FULL; PRAGMA wal_checkpoint(RESTART)";
            checkpoint.ExecuteNonQuery();
        }
        catch (SqliteException) when (options.Vfs is not null)
        {
            // The fault hit the other connection, so the store does not report it.
        }
    }

    public void Dispose() => Close();

    private ImageUseStore Open()
    {
        var store = ImageUseStore.Open(options, time);
        syncs?.DirectorySynced();
        return store;
    }
}
