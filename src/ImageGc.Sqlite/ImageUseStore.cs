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
    private readonly ILogger _log;
    private readonly TimeProvider _time;
    private readonly TimeSpan _threshold;
    private readonly TimeSpan _clockSettleTime;

    private ImageUseStore(ImageUseStoreOptions options, TimeProvider time, ILogger log)
    {
        _time = time;
        _log = new NonThrowingLogger(log);
        _threshold = options.ImageAgeCleanupThreshold;
        _clockSettleTime = time == TimeProvider.System || options.Clock is not null
            ? options.ClockSettleTime
            : TimeSpan.Zero;
        var kernel = time == TimeProvider.System ? KernelClock.TryCreate() : null;
        var clock = options.Clock ?? kernel ?? (DeviceClock)new ProviderClock(time);
        if (clock.KernelBootId is null && time == TimeProvider.System && OperatingSystem.IsLinux())
            _log.NoBootId();
        (_database, _salvaged) = DatabaseOpener.Open(options, clock, _log);
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

        var log = (logging ?? NullLoggerFactory.Instance).CreateLogger<ImageUseStore>();
        var store = new ImageUseStore(options, time ?? TimeProvider.System, log);
        try
        {
            store.RemoveBadRows();
            if (options is { FlatFilePath: { } flatFile, ReadOnly: false })
                store.ImportFlatFileOnce(DatabaseFile.FullPathOf(flatFile), options.BusyTimeout);
            return store;
        }
        catch
        {
            store.Dispose();
            throw;
        }
    }

    /// <summary>The absolute path of the database.</summary>
    public string DatabasePath => _database.Path;

    /// <summary>Every tracked image, oldest use first.</summary>
    /// <exception cref="ImageUseStoreException">The images could not be read.</exception>
    public IReadOnlyList<ImageUse> List() =>
        ToImages(_database.Read("list the images", (connection, now) => connection.Query<Row>($"""
            {SelectUses}
            ORDER BY LastUsedAt, ImageId
            """, new { boot = now.Boot, beganAt = now.BeganAt }).AsList()));

    /// <summary>
    /// The tracked images whose removal failed when it was last tried, oldest use first; none that was used since.
    /// </summary>
    /// <exception cref="ImageUseStoreException">The images could not be read.</exception>
    public IReadOnlyList<ImageUse> ListFailedRemovals() =>
        ToImages(_database.Read("list the images that could not be removed", (connection, now) =>
            connection.Query<Row>($"""
                {SelectUses}
                JOIN failed_removal ON failed_removal.image_id = image_use.image_id
                                   AND failed_removal.boot = image_use.boot
                                   AND failed_removal.ran_at = image_use.ran_at
                ORDER BY LastUsedAt, ImageId
                """, new { boot = now.Boot, beganAt = now.BeganAt }).AsList()));

    /// <remarks>A clock that was set since the last change is corrected in what is shown, too.</remarks>
    private const string SelectUses = $"""
        SELECT image_use.image_id AS ImageId,
               image_use.boot AS Boot,
               image_use.ran_at AS RanAt,
               {LastUsedAt} AS LastUsedAt,
               image_description.names AS Names,
               coalesce(image_description.names_lost, 0) AS HasLostNames,
               image_description.size_bytes AS SizeBytes
        FROM image_use
        LEFT JOIN boot ON boot.boot = image_use.boot
        LEFT JOIN image_description ON image_description.image_id = image_use.image_id
        """;

    /// <summary>How many images are tracked: for metrics, which ask often.</summary>
    /// <exception cref="ImageUseStoreException">The images could not be counted.</exception>
    public long Count() =>
        _database.Read("count the images", connection => connection.ExecuteScalar<long>(CountImages));

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
        return ToImages(_database.Read("look up an image", (connection, now) => connection.Query<Row>($"""
            {SelectUses}
            WHERE image_use.image_id = @imageId
            """, new { imageId, boot = now.Boot, beganAt = now.BeganAt }).AsList())) is [var found] ? found : null;
    }

    /// <summary>
    /// Corrects the times of this boot's images if the wall clock was set since they were recorded. Every call that
    /// changes the database does so itself, and <see cref="Dispose"/> too: a host that records rarely calls it each
    /// minute, so that people and other programs see true times.
    /// </summary>
    /// <remarks>
    /// It writes one row if the clock was set, and what there was no room to record before; nothing otherwise.
    /// </remarks>
    /// <exception cref="ImageUseStoreException">They could not be corrected; the next call tries again.</exception>
    public void CorrectTimes()
    {
        if (!_database.ReadOnly && (HasBacklog() || _database.Read("read the clock", (_, now) => now.SetBy != 0)))
            WriteAfterBacklog("correct the times", (_, _) => 0);
    }

    /// <summary>Closes the database, after its times were corrected if the wall clock was set.</summary>
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
            // The next store of this boot corrects them.
        }
        finally
        {
            _pruneLock?.Dispose();
            _database.Dispose();
        }
    }

    private List<ImageUse> ToImages(List<Row> rows) => ThatAreImages(rows).ConvertAll(row => row.ToImage());

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

        public long Boot { get; init; }

        public long RanAt { get; init; }

        /// <summary>Unix milliseconds; null where nothing says when the boot began.</summary>
        public long? LastUsedAt { get; init; }

        /// <summary>Separated by a space; null if nobody described the image.</summary>
        public string? Names { get; init; }

        public bool HasLostNames { get; init; }

        public long? SizeBytes { get; init; }

        public bool IsImage => ImageGc.Sqlite.ImageId.IsValid(ImageId) && Boot >= 0 && RanAt >= 0;

        public ImageUse ToImage() => new(ImageId, UnixTime.FromMilliseconds(LastUsedAt ?? 0))
        {
            Boot = Boot,
            RanAt = RanAt,
            Names = NamesIn(Names),
            HasLostNames = HasLostNames,
            SizeBytes = SizeBytes,
        };
    }
}
