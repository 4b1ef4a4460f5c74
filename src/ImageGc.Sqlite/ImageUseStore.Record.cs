using System.Collections.ObjectModel;
using Dapper;
using Microsoft.Data.Sqlite;

namespace ImageGc.Sqlite;

public sealed partial class ImageUseStore
{
    private readonly object _recording = new();
    private readonly List<PendingUse> _pending = [];
    private bool _isRecording;

    /// <summary>Records that an image is used now: after a pull, and when a container is created or removed.</summary>
    /// <param name="imageId">1 to 512 characters without white space or control characters.</param>
    /// <remarks>One transaction; durable when it returns as <see cref="Durability"/> says.</remarks>
    /// <exception cref="ArgumentException">Not an image ID; nothing was written.</exception>
    /// <exception cref="ImageUseStoreException">The use could not be stored.</exception>
    public void RecordUse(string imageId)
    {
        ImageId.Require(imageId);
        Record([imageId]);
    }

    /// <summary>Records that images are used now, all or none, in one transaction.</summary>
    /// <param name="imageIds">Image IDs as <see cref="RecordUse(string)"/> takes them; duplicates are fine.</param>
    /// <param name="notes">
    /// Small facts of the host's own to keep in the same transaction, by their keys; see <see cref="FindNote"/>.
    /// </param>
    /// <exception cref="ArgumentException">
    /// The IDs are null, or one of them is no image ID, or a note is null; nothing was written.
    /// </exception>
    /// <exception cref="ImageUseStoreException">The uses could not be stored; none was.</exception>
    public void RecordUse(IEnumerable<string> imageIds, IReadOnlyDictionary<string, string>? notes = null)
    {
        if (notes?.Values.Contains(null) == true)
            throw new ArgumentException("A note is null.", nameof(notes));
        Record(ImageId.RequireAll(imageIds), notes);
    }

    /// <summary>What the host has noted under this key, or null.</summary>
    /// <exception cref="ImageUseStoreException">The note could not be read.</exception>
    public string? FindNote(string key) => _database.Read("look up a note", connection =>
        connection.QueryFirstOrDefault<string>("""
            SELECT value
            FROM note
            WHERE key = @key
            """, new { key }));

    private static void WriteNote(SqliteConnection connection, string key, string value) => connection.Execute("""
        INSERT INTO note (key, value)
        VALUES (@key, @value)
        ON CONFLICT (key) DO UPDATE
        SET value = excluded.value
        """, new { key, value });

    /// <remarks>
    /// Threads that record at the same time share one commit, and with it one fsync: the first one records the uses of
    /// all that wait. A thread waits for at most two commits: the current one and the next.
    /// </remarks>
    private void Record(List<string> imageIds, IReadOnlyDictionary<string, string>? notes = null)
    {
        var use = new PendingUse(imageIds, notes ?? ReadOnlyDictionary<string, string>.Empty);
        lock (_recording)
        {
            _pending.Add(use);
            try
            {
                while (_isRecording && !use.IsSettled)
                    Monitor.Wait(_recording);
            }
            catch (ThreadInterruptedException)
            {
                _pending.Remove(use); // Else it would be recorded with whatever comes next, as used then.
                throw;
            }

            _isRecording |= !use.IsSettled;
        }

        if (!use.IsSettled)
            RecordPending(use);
        if (use.Failure is { } failure)
            throw new ImageUseStoreException(
                failure.Reason, failure.DatabasePath, failure.Message, failure.InnerException);
        Records.Add(imageIds.Count);
        imageIds.ForEach(_log.RecordedUse);
    }

    private void RecordPending(PendingUse own)
    {
        List<PendingUse> uses = [];
        var clockSetBy = TimeSpan.Zero;
        try
        {
            uses = TakePending(); // Before the clock is read: none may count as used before it was asked for.
            WriteAfterBacklog("record the use of an image", (connection, now) =>
            {
                foreach (var imageId in uses.SelectMany(use => use.ImageIds))
                    _database.Upsert.Run(imageId, now.Boot, now.Ran);
                foreach (var (key, value) in uses.SelectMany(use => use.Notes))
                    WriteNote(connection, key, value);
                return 0;
            }, out clockSetBy);
            uses.ForEach(use => use.IsSettled = true);
        }
        catch (ImageUseStoreException failure)
        {
            uses.AddRange(TakePending());
            uses.ForEach(use => (use.IsSettled, use.Failure) = (true, failure));
            if (IsFull(failure))
            {
                lock (_backlogLock)
                    _unrecordedUses.UnionWith(uses.SelectMany(use => use.ImageIds));
            }
        }
        finally
        {
            try
            {
                EndRecording(own, uses);
            }
            catch (ThreadInterruptedException)
            {
                EndRecording(own, uses); // Else the others would wait for ever.
                Thread.CurrentThread.Interrupt(); // At its next wait.
            }
        }

        _database.ReportClock(clockSetBy);
    }

    /// <remarks>An exception that is not a storage failure concerns this thread only: the others try again.</remarks>
    private void EndRecording(PendingUse own, List<PendingUse> uses)
    {
        lock (_recording)
        {
            _pending.AddRange(uses.Where(use => !use.IsSettled));
            _pending.Remove(own);
            _isRecording = false;
            Monitor.PulseAll(_recording);
        }
    }

    private List<PendingUse> TakePending()
    {
        lock (_recording)
        {
            List<PendingUse> taken = [.. _pending];
            _pending.Clear();
            return taken;
        }
    }

    /// <remarks>A use is unique and never moves back: two in the same millisecond are two uses.</remarks>
    internal const string UpsertUse = """
        INSERT INTO image_use (image_id, boot, ran_at)
        VALUES (@imageId, @boot, @ran)
        ON CONFLICT (image_id) DO UPDATE
        SET boot = excluded.boot,
            ran_at = CASE WHEN boot = excluded.boot
                          THEN max(excluded.ran_at, ran_at + 1)
                          ELSE excluded.ran_at END
        """;

    /// <summary>What a thread wants to have recorded, and what became of it.</summary>
    private sealed class PendingUse(List<string> imageIds, IReadOnlyDictionary<string, string> notes)
    {
        public List<string> ImageIds { get; } = imageIds;

        public IReadOnlyDictionary<string, string> Notes { get; } = notes;

        public bool IsSettled { get; set; }

        public ImageUseStoreException? Failure { get; set; }
    }
}
