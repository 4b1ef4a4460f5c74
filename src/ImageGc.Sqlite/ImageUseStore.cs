using System.Diagnostics.Metrics;
using Dapper;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace ImageGc.Sqlite;

/// <summary>
/// Remembers when each container image on this device was last used, and decides which images can be removed.
/// </summary>
/// <remarks>
/// The database has one row for each tracked image: one whose use was recorded and that, as far as the store knows, is
/// still on the device. A store is thread-safe; its calls run one at a time. Open one store per process and file. Other
/// processes, such as the `sqlite3` command line, can use the file at the same time. All times are UTC, in whole
/// seconds. Calls are synchronous because SQLite is (https://learn.microsoft.com/dotnet/standard/data/sqlite/async).
/// After <see cref="Dispose"/>, calls that use the database throw <see cref="ObjectDisposedException"/>.
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
    /// Opens the database: creates the file (never its directory) if needed, migrates its schema, and imports
    /// <see cref="ImageUseStoreOptions.FlatFilePath"/>.
    /// </summary>
    /// <param name="options">Where the database is and how it is opened; read once.</param>
    /// <param name="time">
    /// The clock; <see cref="TimeProvider.System"/> if null. Its timestamp must advance together with its UTC time: a
    /// change of the UTC time alone counts as setting the clock, not as time that passed.
    /// </param>
    /// <param name="logging">Creates the log; nothing is logged if null.</param>
    /// <exception cref="ArgumentException">An option is not valid.</exception>
    /// <exception cref="ImageUseStoreException">
    /// The database cannot be opened, created or migrated, or the flat file cannot be imported for a reason other than
    /// a full disk. A file that belongs to another application or to a newer version of this library is left untouched.
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

    /// <summary>Returns every tracked image, oldest use first.</summary>
    /// <exception cref="ImageUseStoreException">The images could not be read.</exception>
    public IReadOnlyList<ImageUse> List() =>
        ToImages(_database.Read("list the images", (connection, now) => connection.Query<Row>($"""
            {SelectUses}
            ORDER BY LastUsedAt, ImageId
            """, new { boot = now.Boot, beganAt = now.BeganAt }).AsList()));

    /// <summary>
    /// Returns the tracked images whose last removal failed and that were not used since, oldest use first.
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

    /// <remarks>The times are corrected also for a clock that was set after the last write.</remarks>
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

    /// <summary>Returns how many images are tracked; cheaper than <see cref="List"/>, for metrics.</summary>
    /// <exception cref="ImageUseStoreException">The images could not be counted.</exception>
    public long Count() =>
        _database.Read("count the images", connection => connection.ExecuteScalar<long>(CountImages));

    private const string CountImages = """
        SELECT count(*)
        FROM image_use
        """;

    /// <summary>Returns the tracked image with this ID, or null if it is not tracked.</summary>
    /// <exception cref="ArgumentException"><paramref name="imageId"/> is not a valid image ID.</exception>
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
    /// changes the database also does this, and so does <see cref="Dispose"/>. If a host records rarely, call it every
    /// minute, so that people and other programs see correct times.
    /// </summary>
    /// <remarks>
    /// Writes one row if the clock was set, and the changes that a full disk delayed; otherwise nothing.
    /// </remarks>
    /// <exception cref="ImageUseStoreException">The times were not corrected; the next call tries again.</exception>
    public void CorrectTimes()
    {
        if (!_database.ReadOnly && (HasBacklog() || _database.Read("read the clock", (_, now) => now.SetBy != 0)))
            WriteAfterBacklog("correct the times", (_, _) => 0);
    }

    /// <summary>Corrects the times if the wall clock was set, then closes the database.</summary>
    /// <remarks>
    /// Waits for a call in progress and, if the clock was set, for another process that holds the lock. A
    /// <see cref="PruneAsync"/> in progress fails at its next image; an image that it has just removed stays tracked.
    /// The last process that closes a database moves the log into the file.
    /// </remarks>
    public void Dispose()
    {
        try
        {
            CorrectTimes();
        }
        catch (Exception exception) when (exception is ImageUseStoreException or ObjectDisposedException)
        {
            // The next store that opens the database in this boot corrects the times.
        }
        finally
        {
            _pruneLock?.Dispose();
            _database.Dispose();
        }
    }

    private List<ImageUse> ToImages(List<Row> rows) => WithoutBadRows(rows).ConvertAll(row => row.ToImage());

    /// <summary>Leaves out rows that contain no valid image, so that a damaged row cannot stop a prune.</summary>
    /// <remarks>Called after the lock of the database is released, because a logger may use the store.</remarks>
    private List<T> WithoutBadRows<T>(List<T> rows)
        where T : Row
    {
        var bad = rows.RemoveAll(row => !row.IsImage);
        if (bad > 0)
            _log.LeftOut(bad, _database.Path);
        return rows;
    }

    /// <summary>A row of `image_use`, with what the other tables know of the image.</summary>
    internal class Row
    {
        public string ImageId { get; init; } = "";

        public long Boot { get; init; }

        public long RanAt { get; init; }

        /// <summary>Unix milliseconds; null if its boot has no row.</summary>
        public long? LastUsedAt { get; init; }

        /// <summary>Separated by spaces; null if the image was never described.</summary>
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
