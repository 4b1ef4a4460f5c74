using Microsoft.Extensions.Logging;

namespace ImageGc.Sqlite;

/// <summary>Everything the component logs. Event IDs are stable.</summary>
internal static partial class StoreLog
{
    [LoggerMessage(1, LogLevel.Information, "Migrated {DatabasePath} from schema version {From} to {To}")]
    public static partial void Migrated(this ILogger logger, string databasePath, int from, int to);

    [LoggerMessage(26, LogLevel.Information, "Created {DatabasePath}, with schema version {Version}")]
    public static partial void Created(this ILogger logger, string databasePath, int version);

    [LoggerMessage(2, LogLevel.Debug, "Recorded use of {ImageId}")]
    public static partial void RecordedUse(this ILogger logger, string imageId);

    [LoggerMessage(3, LogLevel.Debug, "Forgot {ImageId}")]
    public static partial void Forgot(this ILogger logger, string imageId);

    [LoggerMessage(4, LogLevel.Information,
        "Pruned {DatabasePath}: {Removed} removed{Freed}, {UsedMeanwhile} used meanwhile, {Failed} failed, "
        + "{Tracked} stay tracked, threshold {Threshold}")]
    public static partial void Pruned(
        this ILogger logger, string databasePath, int removed, string freed, int usedMeanwhile, int failed,
        long tracked, string threshold);

    [LoggerMessage(5, LogLevel.Warning,
        "Ignored {Count} of the in-use IDs: they are not image IDs, so they protect no image. The first is {ImageId}")]
    public static partial void IgnoredInUse(this ILogger logger, int count, string imageId);

    [LoggerMessage(6, LogLevel.Information,
        "Imported {FlatFilePath}: {Images} images, {Changed} changed, {Implausible} with an implausible time, "
        + "{Skipped} lines skipped")]
    public static partial void Imported(
        this ILogger logger, string flatFilePath, long images, long changed, long implausible, long skipped);

    [LoggerMessage(7, LogLevel.Warning, "Skipped line {Line} of {FlatFilePath}: {Why}")]
    public static partial void SkippedLine(this ILogger logger, string flatFilePath, long line, string why);

    [LoggerMessage(8, LogLevel.Warning,
        "Imported {FlatFilePath} but could not rename it, so the next start imports it again")]
    public static partial void NotRenamed(this ILogger logger, Exception exception, string flatFilePath);

    [LoggerMessage(27, LogLevel.Warning,
        "The disk is too full to import {FlatFilePath}, so its images are not tracked yet. The next start imports it")]
    public static partial void NoRoomToImport(this ILogger logger, string flatFilePath);

    [LoggerMessage(9, LogLevel.Information, "Exported {Images} images to {FlatFilePath}")]
    public static partial void Exported(this ILogger logger, string flatFilePath, int images);

    [LoggerMessage(10, LogLevel.Warning,
        "Could not remove {ImageId} ({Names}): {Why} It stays tracked, and the next prune tries it last")]
    private static partial void NotRemoved(this ILogger logger, string imageId, string names, string why);

    [LoggerMessage(23, LogLevel.Warning,
        "The disk is too full to open {DatabasePath} for writing, so nothing is recorded until it has space: {Why}")]
    public static partial void OpenedWithoutRoom(this ILogger logger, string databasePath, string why);

    [LoggerMessage(24, LogLevel.Warning,
        "The disk is too full to write to {DatabasePath}. Unused images are removed all the same, and recorded as "
        + "removed once the disk has space")]
    public static partial void PrunedWithoutRoom(this ILogger logger, string databasePath);

    [LoggerMessage(22, LogLevel.Debug, "Stack trace of the failed removal of {ImageId}")]
    private static partial void RemovalThrew(this ILogger logger, Exception exception, string imageId);

    /// <summary>Engines refuse removals often, so the warning has no stack trace; a debug line has it.</summary>
    public static void NotRemoved(this ILogger logger, ImageUse image, Exception exception)
    {
        var names = string.Join(
            ", ", image.Names.Where(name => !name.Contains('@')).DefaultIfEmpty("without a name"));
        logger.NotRemoved(image.ImageId, names, exception.Message.ReplaceLineEndings(" ").TrimEnd('.') + ".");
        logger.RemovalThrew(exception, image.ImageId);
    }

    [LoggerMessage(11, LogLevel.Information,
        "The wall clock was set by {Step}, so the last uses of the images of this boot were corrected")]
    public static partial void CorrectedTimes(this ILogger logger, string step);

    [LoggerMessage(12, LogLevel.Warning,
        "{DatabasePath} was damaged ({Why}): kept it as {KeptPath} and salvaged {Images} images, "
        + "which count as used now")]
    public static partial void Salvaged(
        this ILogger logger, string databasePath, string why, string keptPath, int images);

    [LoggerMessage(25, LogLevel.Warning,
        "The images kept by hand in {DatabasePath} could not be salvaged. Keep them again with 'imagegc keep'")]
    public static partial void KeptByHandLost(this ILogger logger, string databasePath);

    [LoggerMessage(13, LogLevel.Warning,
        "Left out {Rows} rows of {DatabasePath} that contain no image, because of damage. Opening a database of up to "
        + "8 MB for writing removes such rows; in a larger one delete them with sqlite3")]
    public static partial void LeftOut(this ILogger logger, int rows, string databasePath);

    [LoggerMessage(14, LogLevel.Information,
        "The prune of {DatabasePath} stopped early: {Left} expired images are left")]
    public static partial void StoppedPruning(this ILogger logger, string databasePath, int left);

    [LoggerMessage(15, LogLevel.Information, "Imported nothing from {FlatFilePath}: it is empty or not a regular file")]
    public static partial void NothingToImport(this ILogger logger, string flatFilePath);

    [LoggerMessage(16, LogLevel.Warning,
        "The boot ID cannot be read, so images age only while this program runs, or by a wall clock that is trusted. "
        + "Let it read /proc/sys/kernel/random/boot_id, which ProcSubset=pid in a systemd unit hides")]
    public static partial void NoBootId(this ILogger logger);

    [LoggerMessage(17, LogLevel.Information, "Backed up {DatabasePath} to {BackupPath}")]
    public static partial void BackedUp(this ILogger logger, string databasePath, string backupPath);

    [LoggerMessage(18, LogLevel.Warning,
        "Could not count a failed removal in the history of {DatabasePath}; the prune goes on")]
    public static partial void FailureNotCounted(this ILogger logger, Exception exception, string databasePath);

    [LoggerMessage(19, LogLevel.Warning,
        "{DatabasePath} has other names (hard links): {Count}. A program that opens it by one of them does not find "
        + "its log, and damages it. Remove the other names. To back it up, use 'imagegc backup'")]
    public static partial void HasOtherNames(this ILogger logger, string databasePath, uint count);

    [LoggerMessage(20, LogLevel.Warning, "Removed {Count} rows of {DatabasePath} that contain no image, because "
        + "of damage: {ImageIds}")]
    public static partial void RemovedBadRows(this ILogger logger, int count, string databasePath, string imageIds);

    [LoggerMessage(21, LogLevel.Error,
        "No line of {FlatFilePath} is an image, so it is not the flat file of a runtime, and it was left in place. Set "
        + "FlatFilePath to the right file, or remove the setting")]
    public static partial void NotAFlatFile(this ILogger logger, string flatFilePath);
}
