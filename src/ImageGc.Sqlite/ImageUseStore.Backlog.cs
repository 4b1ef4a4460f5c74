using Dapper;
using Microsoft.Data.Sqlite;

namespace ImageGc.Sqlite;

public sealed partial class ImageUseStore
{
    private readonly Lock _writing = new();
    private readonly Lock _backlogLock = new();

    /// <summary>Uses that there was no room to record: they count as in use until they are recorded.</summary>
    private readonly HashSet<string> _unrecordedUses = new(StringComparer.Ordinal);

    /// <summary>Removals that there was no room to record: the images are tracked until they are recorded.</summary>
    private readonly List<Removal> _unrecordedRemovals = [];

    /// <summary>
    /// The images that were removed and that there was no room to record as removed. They are tracked until the store
    /// can write again, and recorded with its next change.
    /// </summary>
    public IReadOnlyList<ImageUse> ListNotRecorded()
    {
        lock (_backlogLock)
            return [.. _unrecordedRemovals.Select(removal => removal.Image)];
    }

    /// <summary>
    /// Whether there was no room to record uses. Their images count as in use until the next change records them.
    /// </summary>
    public bool HasUnrecordedUses
    {
        get
        {
            lock (_backlogLock)
                return _unrecordedUses.Count > 0;
        }
    }

    private bool HasUnrecordedUse(string imageId)
    {
        lock (_backlogLock)
            return _unrecordedUses.Contains(imageId);
    }

    /// <summary>Changes the database, after what there was no room for before.</summary>
    private T WriteAfterBacklog<T>(
        string doing, Func<SqliteConnection, Now, T> write, out TimeSpan clockSetBy)
    {
        lock (_writing) // Nothing is written twice.
            return WriteAlone(doing, write, out clockSetBy);
    }

    private T WriteAlone<T>(string doing, Func<SqliteConnection, Now, T> write, out TimeSpan clockSetBy)
    {
        List<string> uses;
        List<Removal> removals;
        lock (_backlogLock)
            (uses, removals) = ([.. _unrecordedUses], [.. _unrecordedRemovals]);
        Dictionary<BegunPrune, long> runs = [];
        var result = _database.Write(doing, (connection, now) =>
        {
            runs.Clear();
            foreach (var removal in removals)
            {
                if (!runs.TryGetValue(removal.Run, out var run))
                    runs[removal.Run] = run = removal.Run.Id ?? BeginLate(connection, removal.Run, now);
                removal.RemovedAt ??= now.WallSeconds;
                removal.WasRecorded = ForgetRemoved(connection, run, removal);
            }

            // After the removals: an image that is used again was pulled again.
            foreach (var imageId in uses)
                _database.Upsert.Run(imageId, now.Boot, now.Ran);
            return write(connection, now);
        }, out clockSetBy);
        foreach (var (run, id) in runs)
            run.Id = id;
        lock (_backlogLock)
        {
            _unrecordedUses.ExceptWith(uses);
            _unrecordedRemovals.RemoveAll(removals.Contains);
        }

        return result;
    }

    /// <summary>Writes what a prune writes before it removes images.</summary>
    private long BeginLate(SqliteConnection connection, BegunPrune run, Now now)
    {
        BindListed(connection, run.Request.InUse);
        connection.Execute(RecordInUse, ParametersOf(now, run.Request.Threshold));
        return InsertPruneRun(connection, run).Id;
    }

    private T WriteAfterBacklog<T>(string doing, Func<SqliteConnection, Now, T> write)
    {
        var result = WriteAfterBacklog(doing, write, out var clockSetBy);
        _database.ReportClock(clockSetBy);
        return result;
    }

    private bool HasBacklog()
    {
        lock (_backlogLock)
            return _unrecordedUses.Count + _unrecordedRemovals.Count > 0;
    }

    private static bool IsFull(ImageUseStoreException failure) => failure.Reason == StoreErrorReason.Full;

    /// <summary>An image that was removed, and the run that removed it.</summary>
    private sealed class Removal(BegunPrune run, ImageUse image, Freed? freed)
    {
        public BegunPrune Run { get; } = run;

        public ImageUse Image { get; } = image;

        public Freed? Freed { get; } = freed;

        /// <summary>When it was first tried to be recorded, in Unix seconds.</summary>
        public long? RemovedAt { get; set; }

        /// <summary>Whether it was written to the history; not if it was used during its removal.</summary>
        public bool WasRecorded { get; set; } = true;
    }
}
