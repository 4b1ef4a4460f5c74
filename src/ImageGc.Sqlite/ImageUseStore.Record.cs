using System.Collections.ObjectModel;
using Dapper;
using Microsoft.Data.Sqlite;

namespace ImageGc.Sqlite;

public sealed partial class ImageUseStore
{
    private readonly object _recording = new(); // Not a Lock, because Monitor.Wait needs an object.
    private readonly List<PendingUse> _pending = [];
    private bool _isRecording;

    /// <summary>
    /// Records that an image is used now. Call it after a pull, and when a container is created or removed.
    /// </summary>
    /// <param name="imageId">The image ID; <see cref="ImageId"/> says what is valid.</param>
    /// <remarks>One transaction. <see cref="Durability"/> says how durable the use is when the call returns.</remarks>
    /// <exception cref="ArgumentException">
    /// <paramref name="imageId"/> is not a valid image ID; nothing was written.
    /// </exception>
    /// <exception cref="ImageUseStoreException">
    /// The use could not be stored. On a full disk it is kept in memory (<see cref="HasUnrecordedUses"/>).
    /// </exception>
    public void RecordUse(string imageId)
    {
        ImageId.Require(imageId);
        Record([imageId]);
    }

    /// <summary>Records that images are used now, all or none, in one transaction.</summary>
    /// <param name="imageIds">Image IDs as <see cref="RecordUse(string)"/> takes them; duplicates are fine.</param>
    /// <param name="notes">
    /// Small facts of the host, by key, to store in the same transaction; <see cref="FindNote"/> returns them.
    /// </param>
    /// <exception cref="ArgumentException">
    /// The IDs are null, one of them is not a valid image ID, or a note is null; nothing was written.
    /// </exception>
    /// <exception cref="ImageUseStoreException">
    /// The uses could not be stored; none was stored. On a full disk they are kept in memory, but the notes are not.
    /// </exception>
    public void RecordUse(IEnumerable<string> imageIds, IReadOnlyDictionary<string, string>? notes = null)
    {
        if (notes?.Values.Contains(null) == true)
            throw new ArgumentException("A note is null.", nameof(notes));
        Record(ImageId.RequireAll(imageIds), notes);
    }

    /// <summary>Returns the note that is stored under this key, or null if there is none.</summary>
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
    /// Threads that record at the same time share one commit, and with it one fsync (group commit): the first one
    /// records the uses of all that wait. A thread waits for at most two commits: the current one and the next.
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
                _pending.Remove(use); // Otherwise the next thread would record it, as used at that later time.
                throw;
            }

            _isRecording |= !use.IsSettled;
        }

        if (!use.IsSettled)
            RecordPending(use);
        if (use.Failure is { } failure) // A new exception for each thread: throwing one changes its stack trace.
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
            uses = TakePending(); // Before the clock is read, so that no use gets a time before its call.
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
            uses.AddRange(TakePending()); // They fail too, instead of waiting for the same failure one after another.
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
                EndRecording(own, uses); // Otherwise the other threads would wait forever.
                Thread.CurrentThread.Interrupt(); // The interrupt takes effect at the next wait of this thread.
            }
        }

        _database.ReportClock(clockSetBy);
    }

    /// <remarks>
    /// An exception that is not a storage failure concerns this thread only. The uses of the others go back into the
    /// list, and those threads try again.
    /// </remarks>
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

    /// <remarks>
    /// Each use of an image in a boot gets a later running time than the one before, even in the same millisecond.
    /// Otherwise a prune could not detect that the image was used after its decision.
    /// </remarks>
    internal const string UpsertUse = """
        INSERT INTO image_use (image_id, boot, ran_at)
        VALUES (@imageId, @boot, @ran)
        ON CONFLICT (image_id) DO UPDATE
        SET boot = excluded.boot,
            ran_at = CASE WHEN boot = excluded.boot
                          THEN max(excluded.ran_at, ran_at + 1)
                          ELSE excluded.ran_at END
        """;

    /// <summary>The uses that one thread waits for, and the result of recording them.</summary>
    private sealed class PendingUse(List<string> imageIds, IReadOnlyDictionary<string, string> notes)
    {
        public List<string> ImageIds { get; } = imageIds;

        public IReadOnlyDictionary<string, string> Notes { get; } = notes;

        public bool IsSettled { get; set; }

        public ImageUseStoreException? Failure { get; set; }
    }
}
