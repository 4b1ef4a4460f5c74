using Dapper;
using Microsoft.Data.Sqlite;

namespace ImageGc.Sqlite;

public sealed partial class ImageUseStore
{
    /// <summary>Held for a whole write, so that two threads cannot write the same backlog twice.</summary>
    private readonly Lock _writing = new();

    /// <summary>Guards the two collections below. Held briefly, so that readers do not wait for a write.</summary>
    private readonly Lock _backlogLock = new();

    /// <summary>
    /// Uses that could not be recorded because the disk was full. They count as in use until they are recorded.
    /// </summary>
    private readonly HashSet<string> _unrecordedUses = new(StringComparer.Ordinal);

    /// <summary>
    /// Removals that are not recorded yet: each for a moment, on a full disk for long. Their images stay tracked.
    /// </summary>
    private readonly List<Removal> _unrecordedRemovals = [];

    /// <summary>
    /// Returns the images that were removed but are not recorded as removed yet, usually because the disk is full. They
    /// stay tracked until the next change that succeeds, which records their removal.
    /// </summary>
    public IReadOnlyList<ImageUse> ListNotRecorded()
    {
        lock (_backlogLock)
            return [.. _unrecordedRemovals.Select(removal => removal.Image)];
    }

    /// <summary>
    /// Whether uses could not be recorded because the disk was full. They are kept in memory, and their images count as
    /// in use, until the next change that succeeds records them.
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

    /// <summary>Writes the uses and removals that a full disk delayed, then the change, in one transaction.</summary>
    private T WriteAfterBacklog<T>(
        string doing, Func<SqliteConnection, Now, T> write, out TimeSpan clockSetBy)
    {
        using var writing = _writing.EnterScope();
        List<string> uses;
        List<Removal> removals;
        lock (_backlogLock)
            (uses, removals) = ([.. _unrecordedUses], [.. _unrecordedRemovals]);
        Dictionary<BegunPrune, long> runs = [];
        var result = _database.Write(doing, (connection, now) =>
        {
            runs.Clear(); // On a full disk this runs a second time, after the first one was rolled back.
            foreach (var removal in removals)
            {
                if (!runs.TryGetValue(removal.Run, out var run))
                    runs[removal.Run] = run = removal.Run.Id ?? BeginLate(connection, removal.Run, now);
                removal.RemovedAt ??= now.WallSeconds;
                removal.WasRecorded = ForgetRemoved(connection, run, removal);
            }

            // Uses follow the removals: an image with both was pulled again after its removal.
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

    /// <summary>Writes what a prune could not write when it began, because the disk was full.</summary>
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
    private sealed class Removal(BegunPrune run, ImageUse image, FreedSpace? freed)
    {
        public BegunPrune Run { get; } = run;

        public ImageUse Image { get; } = image;

        public FreedSpace? Freed { get; } = freed;

        /// <summary>When the store first tried to record the removal, in Unix seconds; null before.</summary>
        public long? RemovedAt { get; set; }

        /// <summary>False once it is known that the image was used during its removal, so it stays tracked.</summary>
        public bool WasRecorded { get; set; } = true;
    }
}
