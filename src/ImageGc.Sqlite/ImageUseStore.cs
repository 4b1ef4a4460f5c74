using System.Diagnostics.Metrics;
using Dapper;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace ImageGc.Sqlite;

/// <summary>
/// Remembers when each container image on this device was last used, and decides which images may go.
/// </summary>
/// <remarks>
/// A row exists exactly while the image, as far as we know, exists on the device and was deployed by this runtime.
/// Thread-safe: calls take turns. Open one store per process and file; other processes, such as the `sqlite3` command
/// line, may use the file at the same time. All times are UTC in whole seconds. Calls are synchronous because SQLite
/// is. After <see cref="Dispose"/> every call throws <see cref="ObjectDisposedException"/>.
/// </remarks>
public sealed partial class ImageUseStore : IDisposable
{
    private static readonly Meter Meter = new("ImageGc");
    private static readonly Counter<long> Records =
        Meter.CreateCounter<long>("imagegc.records", "{image}", "Uses of images recorded");

    private readonly Database _database;
    private readonly string? _salvaged;
    private readonly PreparedStatement _upsert;
    private readonly StampClock _clock;
    private readonly SharedCommit _uses;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly TimeSpan _threshold;

    private ImageUseStore(ImageUseStoreOptions options, TimeProvider time, ILogger log)
    {
        _time = time;
        _log = new NonThrowingLogger(log);
        _threshold = options.ImageAgeCleanupThreshold;
        (_database, _salvaged) = DatabaseOpener.Open(options, time, _log);
        try
        {
            _upsert = _database.Prepare(UpsertUse);
        }
        catch
        {
            _database.Dispose();
            throw;
        }

        _clock = new StampClock(time);
        _uses = new SharedCommit(Record);
    }

    /// <summary>
    /// Opens the database, creating the file (never a directory) if needed, migrates its schema, and takes over
    /// <see cref="ImageUseStoreOptions.FlatFilePath"/>.
    /// </summary>
    /// <param name="options">Where and how; read once.</param>
    /// <param name="time">
    /// The clock; the system's if null. Its timestamp must go on with its time: what the time moves beyond the
    /// timestamp counts as the clock being set, not as time that passed.
    /// </param>
    /// <param name="logging">Where to log; nowhere if null.</param>
    /// <exception cref="ArgumentException">An option has no valid value.</exception>
    /// <exception cref="ImageUseStoreException">
    /// The file cannot be reached, created, migrated or imported into, or the flat file cannot be read. Or the file is
    /// not ours or was written by a newer version: then it is untouched.
    /// </exception>
    public static ImageUseStore Open(
        ImageUseStoreOptions options, TimeProvider? time = null, ILoggerFactory? logging = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        if (options.FlatFilePath is { } named)
            RequireOtherFile(
                Path.GetFullPath(named), Path.GetFullPath(options.DatabasePath), nameof(options.FlatFilePath));

        var log = (logging ?? NullLoggerFactory.Instance).CreateLogger<ImageUseStore>();
        var store = new ImageUseStore(options, time ?? TimeProvider.System, log);
        try
        {
            if (store._salvaged is not null)
                store.TakeOverSalvaged();
            if (options is { FlatFilePath: { } flatFile, ReadOnly: false })
                store.ImportFlatFileOnce(Path.GetFullPath(flatFile));
            return store;
        }
        catch
        {
            store.Dispose();
            throw;
        }
    }

    /// <summary>Records that an image is used now: after a pull, and when a container is created or removed.</summary>
    /// <param name="imageId">1 to 512 characters without white space or control characters.</param>
    /// <remarks>
    /// One statement, one transaction, which threads that record at the same time share; durable when it returns as
    /// <see cref="Durability"/> says.
    /// </remarks>
    /// <exception cref="ArgumentException">Not an image ID; nothing was written.</exception>
    /// <exception cref="ImageUseStoreException">The use could not be stored.</exception>
    public void RecordUse(string imageId)
    {
        ImageId.Require(imageId);
        _uses.Commit(imageId);
        Records.Add(1);
        _log.RecordedUse(imageId);
    }

    /// <summary>Records that images are used now, all or none, in one transaction.</summary>
    /// <param name="imageIds">Image IDs as <see cref="RecordUse(string)"/> takes them; duplicates are fine.</param>
    /// <exception cref="ArgumentException">It is null, or one of them is no image ID; nothing was written.</exception>
    /// <exception cref="ImageUseStoreException">The uses could not be stored; none was.</exception>
    public void RecordUse(IEnumerable<string> imageIds)
    {
        var valid = ImageId.RequireAll(imageIds);
        Stamp("record the use of images", (_, now) =>
        {
            valid.ForEach(imageId => Upsert(imageId, now));
            return valid.Count;
        });
        Records.Add(valid.Count);
        foreach (var imageId in valid)
            _log.RecordedUse(imageId);
    }

    private void Record(SharedCommit.Batch batch) =>
        WithCorrectedTimes("record the use of an image", (store: this, batch), static (connection, args) =>
        {
            var (store, batch) = args;
            var imageIds = batch.Close();
            store._database.RequireWriting("record the use of an image");
            using var several = imageIds.Count > 1 ? Transaction.BeginImmediate(connection) : default(Transaction?);
            var now = store._clock.Now();
            foreach (var imageId in imageIds)
                store.Upsert(imageId, now);
            several?.Commit();
            return 0;
        });

    private void Upsert(string imageId, long now)
    {
        _upsert.Run(imageId, now);
        _clock.Stamped(imageId, now);
    }

    internal const string UpsertUse = """
        INSERT INTO image_use (image_id, last_used_at)
        VALUES (@imageId, @now)
        ON CONFLICT (image_id) DO UPDATE
        SET last_used_at = excluded.last_used_at
        """;

    /// <summary>Every tracked image, oldest use first.</summary>
    /// <exception cref="ImageUseStoreException">The images could not be read.</exception>
    public IReadOnlyList<ImageUse> List() =>
        ToImages(_database.Run("list the images", 0, static (connection, _) => connection.Query<Row>("""
            SELECT image_id AS ImageId, last_used_at AS LastUsedAt
            FROM image_use
            ORDER BY last_used_at, image_id
            """).AsList()));

    /// <summary>How many images are tracked: for metrics, which ask often.</summary>
    /// <exception cref="ImageUseStoreException">The images could not be counted.</exception>
    public long Count() =>
        _database.Run("count the images", 0, static (connection, _) => connection.ExecuteScalar<long>(CountImages));

    private const string CountImages = """
        SELECT count(*)
        FROM image_use
        """;

    /// <summary>The tracked image with this ID, or null if it is not tracked.</summary>
    /// <exception cref="ArgumentException">Not an image ID.</exception>
    /// <exception cref="ImageUseStoreException">The image could not be read.</exception>
    public ImageUse? Find(string imageId)
    {
        ImageId.Require(imageId);
        return ToImages(_database.Run("look up an image", imageId, static (connection, imageId) =>
            connection.Query<Row>("""
                SELECT image_id AS ImageId, last_used_at AS LastUsedAt
                FROM image_use
                WHERE image_id = @imageId
                """, new { imageId }).AsList())) is [var found] ? found : null;
    }

    /// <summary>Closes the database, after its stamps followed the wall clock as far as that was set.</summary>
    /// <remarks>
    /// Waits for the call that is going on, and if the clock was set for another process that holds the lock. A
    /// `PruneAsync` that is going on ends at its next image, with the one that was just removed still tracked. The last
    /// one to close a database moves the log into it.
    /// </remarks>
    public void Dispose()
    {
        try
        {
            CorrectTimes();
        }
        catch (Exception exception) when (exception is ImageUseStoreException or ObjectDisposedException)
        {
            // There is nobody left to tell.
        }
        finally
        {
            _database.Dispose();
        }
    }

    private List<ImageUse> ToImages(List<Row> rows) =>
        ThatAreImages(rows).ConvertAll(row => new ImageUse(row.ImageId, At(row.LastUsedAt)));

    /// <summary>Leaves out rows whose values are no image, so that one which damage left stops no prune.</summary>
    /// <remarks>Without the lock in hand: a logger may use the store.</remarks>
    private List<T> ThatAreImages<T>(List<T> rows)
        where T : Row
    {
        var bad = rows.RemoveAll(row => !row.IsImage);
        if (bad > 0)
            _log.LeftOut(bad, _database.Path);
        return rows;
    }

    /// <remarks>
    /// Without a constructor: Dapper finds none where there are no rows to tell the types of computed columns.
    /// </remarks>
    internal class Row
    {
        public string ImageId { get; init; } = "";

        public long LastUsedAt { get; init; }

        public bool IsImage => ImageGc.Sqlite.ImageId.IsValid(ImageId)
            && LastUsedAt >= 0 && LastUsedAt <= StampClock.Latest;
    }
}
