using ImageGc.Faults.Tests.PowerCut;
using ImageGc.Sqlite;
using Microsoft.Data.Sqlite;

namespace ImageGc.Faults.Tests.Workload;

/// <summary>A store on one file that is opened when it is first needed, and again after it was closed.</summary>
/// <param name="syncs">
/// Told when a store is open, which means that it has synced its directory past SQLite's eyes.
/// </param>
internal sealed class Session(ImageUseStoreOptions options, SteppingTime time, Recording? syncs = null) : IDisposable
{
    private ImageUseStore? _store;

    public ImageUseStore Store => _store ??= Open();

    public bool IsOpen => _store is not null;

    public SteppingTime Time => time;

    public long Now => time.GetUtcNow().ToUnixTimeSeconds();

    public void Close()
    {
        _store?.Dispose();
        _store = null;
    }

    /// <summary>
    /// Another process moves the log into the database and starts it afresh, as automatic checkpoints do.
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
            // A fault hit it; that is not for the store to report.
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
