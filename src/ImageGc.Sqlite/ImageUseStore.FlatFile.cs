using Dapper;

namespace ImageGc.Sqlite;

public sealed partial class ImageUseStore
{
    /// <summary>
    /// Imports the flat file `image_use` of Azure IoT Edge, in one transaction: lines `&lt;image_id&gt;
    /// &lt;unix seconds&gt;`. The file is left alone; importing it again changes nothing.
    /// </summary>
    /// <remarks>
    /// Of two stamps the later one is kept. A line that cannot be read is skipped and logged. A stamp that cannot be
    /// believed (in the future, before 2015, or on a last line without a newline, which power loss tore) counts as now,
    /// and only where the image is not tracked yet.
    /// </remarks>
    /// <exception cref="ImageUseStoreException">
    /// The file could not be read, is larger than 64 MB, or its images could not be stored; none was.
    /// </exception>
    public FlatFileImport ImportFlatFile(string path)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        path = Path.GetFullPath(path);
        RequireOtherFile(path);
        var import = Stamp($"import '{path}'", (connection, now) =>
        {
            var counts = new FlatFileImport(0, 0, 0, 0, []);
            var skipped = new List<SkippedLine>();
            try
            {
                using var file = new FileStream(path, FileMode.Open, FileAccess.Read,
                    FileShare.ReadWrite | FileShare.Delete);
                foreach (var line in FlatFile.Read(file))
                {
                    if (line.Error is { } why)
                    {
                        counts = counts with { Skipped = counts.Skipped + 1 };
                        if (skipped.Count < FlatFileImport.MaxSkippedLines)
                            skipped.Add(new SkippedLine(line.Number, why));
                        continue;
                    }

                    var doubtful = line.Torn || line.LastUsedAt > now
                        || line.LastUsedAt < StampClock.EarliestBelievable;
                    var changed = connection.Execute(ImportUse,
                        new { imageId = line.ImageId, lastUsedAt = doubtful ? now : line.LastUsedAt, doubtful });
                    if (doubtful && changed > 0)
                        _clock.Stamped(line.ImageId, now);
                    counts = counts with
                    {
                        Images = counts.Images + 1,
                        Changed = counts.Changed + changed,
                        Doubtful = counts.Doubtful + (doubtful ? 1 : 0),
                    };
                }
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                throw FlatFileFailure($"Could not import '{path}'", exception,
                    "Nothing was imported; check the file and repeat.");
            }

            return counts with { SkippedLines = skipped };
        });

        foreach (var line in import.SkippedLines)
            _log.SkippedLine(path, line.Number, line.Why);
        _log.Imported(path, import.Images, import.Changed, import.Doubtful, import.Skipped);
        return import;
    }

    private const string ImportUse = """
        INSERT INTO image_use (image_id, last_used_at)
        VALUES (@imageId, @lastUsedAt)
        ON CONFLICT (image_id) DO UPDATE
        SET last_used_at = excluded.last_used_at
        WHERE excluded.last_used_at > image_use.last_used_at
          AND NOT @doubtful
        """;

    /// <summary>
    /// Writes every tracked image to a new flat file as Azure IoT Edge reads it: the way back. The file is complete and
    /// on the medium when it appears.
    /// </summary>
    /// <exception cref="ImageUseStoreException">
    /// The images could not be read, the file could not be written, or there is a file of that name already, which is
    /// never overwritten.
    /// </exception>
    public void ExportFlatFile(string path)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        path = Path.GetFullPath(path);
        var images = List();
        var unfinished = $"{path}.{Path.GetRandomFileName()}";
        try
        {
            if (Path.Exists(path))
                throw new IOException("There is a file of that name already, and it is never overwritten.");
            DatabaseFile.CreateIfMissing(unfinished);
            using (var file = new FileStream(unfinished, FileMode.Open, FileAccess.Write))
            {
                FlatFile.Write(file, images);
                file.Flush(flushToDisk: true);
            }

            File.Move(unfinished, path, overwrite: false);
            DatabaseFile.SyncDirectoryOf(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            if (File.Exists(unfinished))
                File.Delete(unfinished);
            throw FlatFileFailure($"Could not export to '{path}'", exception,
                "Name another file, in a directory that this user may write to.");
        }

        _log.Exported(path, images.Count);
    }

    private void TakeOver(string flatFile)
    {
        ImportFlatFile(flatFile);
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

    /// <remarks>Closing a database that was opened as a plain file drops SQLite's locks on it.</remarks>
    private void RequireOtherFile(string path)
    {
        if (ResolveLink(path) is var target
            && (target == ResolveLink(_database.Path) || target == ResolveLink(_database.Path + "-wal")))
            throw new ArgumentException($"'{path}' is the database itself, not a flat file.", nameof(path));
    }

    private static string ResolveLink(string path) =>
        File.Exists(path) ? File.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName ?? path : path;

    private ImageUseStoreException FlatFileFailure(string what, Exception exception, string advice) =>
        new(StoreFailure.FlatFile, _database.Path, $"{what}: {exception.Message} {advice}", exception);
}
