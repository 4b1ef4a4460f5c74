using Dapper;
using Microsoft.Data.Sqlite;

namespace ImageGc.Sqlite;

public sealed partial class ImageUseStore
{
    /// <summary>
    /// Imports the flat file `image_use` of Azure IoT Edge in one transaction. Each line is
    /// `&lt;image_id&gt; &lt;unix seconds&gt;`. The file is not modified; importing it again changes nothing.
    /// </summary>
    /// <remarks>
    /// If the image is already tracked, the later of the two times counts. A line that cannot be read is skipped and
    /// logged. For an implausible time, see <see cref="FlatFileImport.Implausible"/>.
    /// </remarks>
    /// <param name="path">The flat file.</param>
    /// <returns>How many lines were read, what they changed, and which were skipped.</returns>
    /// <exception cref="ArgumentException">The path is empty, or is that of the database or its log.</exception>
    /// <exception cref="ImageUseStoreException">
    /// The file could not be read or is too large, or its images could not be stored; none was stored.
    /// </exception>
    public FlatFileImport ImportFlatFile(string path)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        path = DatabaseFile.FullPathOf(path);
        ImageUseStoreOptions.RequireOtherFile(path, _database.Path, nameof(path));
        var content = ReadFlatFile(path);
        var import = WriteAfterBacklog($"import '{path}'", (connection, now) => Import(connection, content, now));

        foreach (var line in import.SkippedLines)
            _log.SkippedLine(path, line.Number, line.Why);
        _log.Imported(path, import.Images, import.Changed, import.Implausible, import.Skipped);
        return import;
    }

    /// <remarks>Reads the file before anything is locked, because a pipe or a network file system can block.</remarks>
    private byte[] ReadFlatFile(string path)
    {
        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read,
                FileShare.ReadWrite | FileShare.Delete);
            return FlatFileFormat.Load(file);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw FlatFileFailure(_database.Path, $"Could not import '{path}'", exception,
                "Nothing was imported. Check the file, then import it again.");
        }
    }

    /// <remarks>On a full disk this runs a second time, so each run reads the content from its beginning.</remarks>
    private FlatFileImport Import(SqliteConnection connection, byte[] content, Now now)
    {
        using var file = new MemoryStream(content);
        var decision = ParametersOf(now, _threshold);
        var skipped = new List<SkippedLine>();
        var counts = new FlatFileImport(0, 0, 0, 0, skipped);
        foreach (var line in FlatFileFormat.Read(file))
        {
            if (line.Error is { } why)
            {
                counts = counts with { Skipped = counts.Skipped + 1 };
                if (skipped.Count < FlatFileImport.MaxSkippedLines)
                    skipped.Add(new SkippedLine(line.Number, why));
                continue;
            }

            var at = line.LastUsedAt * 1000;
            var implausible = line.Torn || at > now.Wall || at < Now.EarliestPlausible;
            var changed = connection.Execute(ImportUse, new
            {
                imageId = line.ImageId,
                importedBoot = implausible ? now.Boot : 0,
                importedRanAt = implausible ? now.Ran : at,
                implausible,
                boot = decision.Boot,
                ran = decision.Ran,
                settleTime = decision.SettleTime,
                settlesIn = decision.SettlesIn,
            });
            counts = counts with
            {
                Images = counts.Images + 1,
                Changed = counts.Changed + changed,
                Implausible = counts.Implausible + (implausible ? 1 : 0),
            };
        }

        return counts;
    }

    /// <remarks>
    /// A later time replaces the recorded use. If one of the two clocks may be wrong, the image counts as used now
    /// instead, so that neither time makes it older than it is.
    /// </remarks>
    private const string ImportUse = """
        INSERT INTO image_use (image_id, boot, ran_at)
        VALUES (@imageId, @importedBoot, @importedRanAt)
        ON CONFLICT (image_id) DO UPDATE
        SET (boot, ran_at) = (
            SELECT CASE WHEN settled THEN excluded.boot ELSE @boot END,
                   CASE WHEN settled THEN excluded.ran_at
                        WHEN image_use.boot = @boot THEN max(@ran, image_use.ran_at + 1)
                        ELSE @ran END
            FROM (
                SELECT @settlesIn <= 0
                   AND (boot = @boot OR last_seen - clock_set_at >= @settleTime) AS settled
                FROM boot
                WHERE boot.boot = image_use.boot))
        WHERE NOT @implausible
          AND excluded.ran_at > image_use.ran_at + (
            SELECT began_at - ran_before
            FROM boot
            WHERE boot.boot = image_use.boot)
        """;

    private void ImportFlatFileOnce(string flatFile, TimeSpan busyTimeout)
    {
        if (!IsThere(flatFile))
            return;
        using var alone = LockDirectoryOf(flatFile, busyTimeout); // Several processes may start at the same time.
        if (!IsThere(flatFile))
            return; // Another process imported it meanwhile.
        if (DatabaseFile.LengthOf(DatabaseFile.RealPathOf(flatFile)) == 0)
        {
            // Devices and pipes have length 0. Renaming /dev/null would remove it for the whole system.
            _log.NothingToImport(flatFile);
            return;
        }

        try
        {
            if (ImportFlatFile(flatFile) is { Images: 0, Skipped: > 0 })
                _log.NotAFlatFile(flatFile);
            else
                RenameImported(flatFile);
        }
        catch (ImageUseStoreException full) when (IsFull(full))
        {
            _log.NoRoomToImport(flatFile); // The store can still remove images, which makes room.
        }
    }

    /// <returns>Null if the directory cannot be locked. Importing the file twice does no harm.</returns>
    private static IDisposable? LockDirectoryOf(string flatFile, TimeSpan busyTimeout)
    {
        try
        {
            return DatabaseFile.LockDirectoryOf(flatFile, busyTimeout);
        }
        catch (IOException)
        {
            return null;
        }
    }

    private void RenameImported(string flatFile)
    {
        try
        {
            var imported = flatFile + ".imported";
            if (Path.Exists(imported))
                imported += $"-{_time.GetUtcNow():yyyyMMdd'T'HHmmss'Z'}";
            File.Move(flatFile, imported, overwrite: false);
            DatabaseFile.SyncDirectoryOf(flatFile);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            _log.NotRenamed(exception, flatFile);
        }
    }

    /// <exception cref="ImageUseStoreException">
    /// It is unknown whether the file exists. Going on without it would leak the images in it.
    /// </exception>
    private bool IsThere(string flatFile)
    {
        try
        {
            return DatabaseFile.IsThere(flatFile);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw FlatFileFailure(_database.Path, $"Could not import '{flatFile}'", exception,
                "Nothing was imported. Let this user read the file, or set no flat file.");
        }
    }

    private static ImageUseStoreException FlatFileFailure(
        string databasePath, string what, Exception exception, string advice) =>
        new(StoreErrorReason.FlatFile, databasePath, $"{what}: {exception.Message.TrimEnd('.')}. {advice}", exception);
}
