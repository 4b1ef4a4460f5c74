using Dapper;

namespace ImageGc.Sqlite;

public sealed partial class ImageUseStore
{
    /// <summary>
    /// Exports every tracked image to a new flat file that Azure IoT Edge can read. The file is complete and synced to
    /// disk before it gets its name.
    /// </summary>
    /// <remarks>
    /// A flat file has only wall times, and its reader trusts all of them. If the clock of a use was not trusted
    /// (<see cref="ImageUseStoreOptions.ClockSettleTime"/>), or its time is implausible, the export writes the current
    /// time minus the time that the device is known to have run since. So export only while the clock is right.
    /// </remarks>
    /// <param name="path">The new file; it gets mode 0600.</param>
    /// <exception cref="ArgumentException">The path is empty, or is that of the database or its log.</exception>
    /// <exception cref="ImageUseStoreException">
    /// The images could not be read, or the file could not be written or exists already; it is never overwritten.
    /// </exception>
    public void ExportFlatFile(string path)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        path = DatabaseFile.FullPathOf(path);
        ImageUseStoreOptions.RequireOtherFile(path, _database.Path, nameof(path));
        var images = ToImages(_database.Read("export the images", (connection, now) =>
            connection.Query<Row>(SelectExported, ParametersOf(now, _threshold)).AsList()));
        WriteNewFile(path, "export", unfinished =>
        {
            using var file = new FileStream(unfinished, FileMode.Open, FileAccess.Write);
            FlatFileFormat.Write(file, images);
        });
        _log.Exported(path, images.Count);
    }

    /// <remarks>A trusted time stays as it is even in the future, because the current clock may be wrong.</remarks>
    private const string SelectExported = $"""
        SELECT image_id AS ImageId,
               boot AS Boot,
               ran_at AS RanAt,
               CASE WHEN settled AND last_used_at >= @earliest AND (plausible OR boot = 0) THEN last_used_at
                    WHEN plausible AND boot <> 0 THEN @wall - max(0, @ran - ran_at)
                    ELSE @wall END AS LastUsedAt
        FROM {Uses}
        ORDER BY LastUsedAt, ImageId
        """;

    /// <summary>Writes a new file that is complete and synced before it gets its name.</summary>
    private void WriteNewFile(string path, string doing, Action<string> write)
    {
        try
        {
            if (Path.Exists(path))
                throw new IOException(Directory.Exists(path)
                    ? "It is a directory."
                    : "The file exists already and is never overwritten.");
            DatabaseFile.WriteNew(path, write);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw FlatFileFailure(_database.Path, $"Could not {doing} to '{path}'", exception,
                "Choose another file name, in an existing directory with free space that this user can write to.");
        }

        try
        {
            DatabaseFile.SyncDirectoryOf(path);
        }
        catch (IOException exception)
        {
            throw FlatFileFailure(
                _database.Path, $"'{path}' was written, but can be lost if power fails", exception,
                "Check the kernel's log (`dmesg`), and run 'sync' before you rely on the file.");
        }
    }
}
