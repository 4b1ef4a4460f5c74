using System.Globalization;
using ImageGc.Sqlite;
using Microsoft.Extensions.Logging;

namespace ImageGc.Hosting;

/// <summary>Everything that ImageGc.Hosting logs. Event IDs are stable.</summary>
internal static partial class HostingLog
{
    [LoggerMessage(101, LogLevel.Information, "Image garbage collection is disabled: no image is removed")]
    public static partial void Disabled(this ILogger logger);

    [LoggerMessage(102, LogLevel.Information, "The next cleanup is due at {Due}{Why}")]
    private static partial void NextCleanup(this ILogger logger, string due, string why);

    // The schedule is in local time, so this is the one log line with a local time.
    public static void NextCleanup(this ILogger logger, DateTimeOffset due, string why) =>
        logger.NextCleanup(due.ToString("yyyy-MM-ddTHH:mm:sszzz", CultureInfo.InvariantCulture), why);

    [LoggerMessage(103, LogLevel.Error,
        "Could not clean up: {Why} Images that were not removed stay. Next try in {RetryAfter}")]
    private static partial void CleanupFailed(
        this ILogger logger, Exception? unexpected, string why, string retryAfter);

    [LoggerMessage(104, LogLevel.Information, "Forgot {ImageId} ({Names}): the engine no longer has it")]
    private static partial void ForgotGone(this ILogger logger, string imageId, string names);

    public static void ForgotGone(this ILogger logger, ImageUse image) =>
        logger.ForgotGone(image.ImageId, TagsOf(image.Names));

    [LoggerMessage(105, LogLevel.Information, "Watching the containers of {Engine}: {Containers} exist")]
    public static partial void Watching(this ILogger logger, object engine, int containers);

    [LoggerMessage(131, LogLevel.Debug, "Watching the containers of {Engine} again: {Containers} exist")]
    public static partial void WatchingAgain(this ILogger logger, object engine, int containers);

    [LoggerMessage(106, LogLevel.Warning,
        "Could not watch the engine: {Why} Next try in {RetryAfter}. Uses until then are recorded afterwards")]
    private static partial void NotWatching(
        this ILogger logger, Exception? unexpected, string why, string retryAfter);

    [LoggerMessage(122, LogLevel.Warning,
        "Could not watch the engine: {Why} Next tries every {RetryAfter}. It is logged when it works again")]
    private static partial void NotWatchingForNow(
        this ILogger logger, Exception? unexpected, string why, string retryAfter);

    [LoggerMessage(107, LogLevel.Warning,
        "The disk is {Usage} and has reached the threshold of {High}: removing unused images early, down to {Low}")]
    public static partial void DiskFull(
        this ILogger logger, DiskUsage usage, DiskThreshold high, DiskThreshold low);

    [LoggerMessage(129, LogLevel.Information, "There is room on the disk again")]
    public static partial void DiskHasRoom(this ILogger logger);

    [LoggerMessage(130, LogLevel.Information, "Cleaning up now on request")]
    public static partial void CleanupRequested(this ILogger logger);

    [LoggerMessage(128, LogLevel.Information,
        "Unused images are removed early when the disk reaches {High}. First check in {After}, then every {Interval}")]
    private static partial void FirstDiskCheck(
        this ILogger logger, DiskThreshold high, string after, string interval);

    public static void FirstDiskCheck(this ILogger logger, DiskThreshold high, TimeSpan after, TimeSpan interval) =>
        logger.FirstDiskCheck(high, DurationText.Format(after), DurationText.Format(interval));

    [LoggerMessage(125, LogLevel.Information,
        "Removed {Removed} images early: the disk was {Before} and is now {After}; thresholds {High} and {Low}")]
    public static partial void MadeRoom(
        this ILogger logger, int removed, DiskUsage before, DiskUsage after, DiskThreshold high, DiskThreshold low);

    [LoggerMessage(108, LogLevel.Warning,
        "Could not make enough room on the disk: {Why} Next tries every {RetryAfter}. It is logged when there "
        + "is room")]
    private static partial void DiskStillFull(this ILogger logger, string why, string retryAfter);

    public static void DiskStillFull(this ILogger logger, string why, TimeSpan retryAfter) =>
        logger.DiskStillFull(why, DurationText.Format(retryAfter));

    [LoggerMessage(109, LogLevel.Error,
        "Could not make room on the disk: {Why} Next tries every {RetryAfter}. It is logged when this changes")]
    private static partial void DiskFailed(this ILogger logger, Exception? unexpected, string why, string retryAfter);

    [LoggerMessage(110, LogLevel.Warning,
        "Could not check whether {ImageId} is gone: {Why} It stays tracked until two cleanups do not find it")]
    private static partial void GoneUnknown(this ILogger logger, Exception? unexpected, string imageId, string why);

    [LoggerMessage(112, LogLevel.Warning,
        "Skipped an event, {Kind} of {Id}, which could not be resolved: {Why}")]
    private static partial void SkippedEvent(
        this ILogger logger, Exception? unexpected, EngineEventKind kind, string? id, string why);

    [LoggerMessage(113, LogLevel.Information, "Images are tracked in {DatabasePath}, {Tracked} so far")]
    public static partial void Opened(this ILogger logger, string databasePath, long tracked);

    [LoggerMessage(114, LogLevel.Error, "The database cannot be opened: {Why} Each use tries again")]
    private static partial void NotOpened(this ILogger logger, Exception? unexpected, string why);

    [LoggerMessage(115, LogLevel.Information, "Removed {ImageId} ({Names}), last used at {LastUsedAt}; freed {Freed}")]
    private static partial void Removed(
        this ILogger logger, string imageId, string names, string lastUsedAt, string freed);

    public static void Removed(
        this ILogger logger, ImageUse image, IReadOnlyCollection<string> names, FreedSpace? freed) =>
        logger.Removed(
            image.ImageId, TagsOf(names), Iso(image.LastUsedAt),
            freed is null ? "an unknown amount" : SizeText.Format(freed.Bytes));

    [LoggerMessage(116, LogLevel.Error, "Could not record the use of {ImageId}: {Why}")]
    private static partial void NotRecorded(this ILogger logger, Exception? unexpected, string imageId, string why);

    [LoggerMessage(117, LogLevel.Warning,
        "KeepImages has '{Pattern}', which matches no image{Nearest}")]
    public static partial void KeepsNothing(this ILogger logger, string pattern, string nearest);

    [LoggerMessage(118, LogLevel.Warning,
        "Tracked but never removed, {Count}: {ImageIds}. They are not image IDs of this engine and name none of its "
        + "images. Forget them with 'imagegc forget' or ImageUseStore.Forget, or give the images these names")]
    public static partial void NonImageIds(this ILogger logger, int count, string imageIds);

    [LoggerMessage(120, LogLevel.Information,
        "The engine was not watched from {From} to {To}. Uses in that time are recorded as far as the engine still "
        + "knows them")]
    private static partial void NotWatched(this ILogger logger, string from, string to);

    public static void NotWatched(this ILogger logger, DateTimeOffset from, DateTimeOffset to) =>
        logger.NotWatched(Iso(from), Iso(to));

    [LoggerMessage(119, LogLevel.Information, "Tracking {ImageId} instead of '{Written}', which names it")]
    public static partial void FoundByName(this ILogger logger, string imageId, string written);

    [LoggerMessage(121, LogLevel.Critical, "Stopping with exit code 1: {Why}")]
    private static partial void Stopping(this ILogger logger, string why);

    [LoggerMessage(123, LogLevel.Warning,
        "The engine cannot be asked yet: {Why} Next tries every {RetryAfter}; this is logged once")]
    private static partial void EngineUnavailable(
        this ILogger logger, Exception? unexpected, string why, string retryAfter);

    [LoggerMessage(124, LogLevel.Warning,
        "The disk is too full to record image uses: {Why} The images count as in use until there is room")]
    private static partial void NoRoomToRecord(this ILogger logger, string why);

    [LoggerMessage(126, LogLevel.Information, "ImageGc {Version} is starting. Settings: {Settings}")]
    public static partial void Starting(this ILogger logger, string version, string settings);

    [LoggerMessage(127, LogLevel.Information, "ImageGc has stopped")]
    public static partial void Stopped(this ILogger logger);

    public static void NoRoomToRecord(this ILogger logger, Exception full) => logger.NoRoomToRecord(Sentence(full));

    public static void EngineUnavailable(this ILogger logger, Exception failure, TimeSpan retryAfter) =>
        logger.EngineUnavailable(Unexpected(failure), Sentence(failure), DurationText.Format(retryAfter));

    public static void Stopping(this ILogger logger, Exception failure) => logger.Stopping(Sentence(failure));

    public static void SkippedEvent(this ILogger logger, Exception failure, EngineEventKind kind, string? id) =>
        logger.SkippedEvent(Unexpected(failure), kind, id, Sentence(failure));

    public static void NotRecorded(this ILogger logger, Exception failure, string imageId) =>
        logger.NotRecorded(Unexpected(failure), imageId, Sentence(failure));

    public static void CleanupFailed(this ILogger logger, Exception failure, TimeSpan retryAfter) =>
        logger.CleanupFailed(Unexpected(failure), Sentence(failure), DurationText.Format(retryAfter));

    public static void NotWatching(this ILogger logger, Exception failure, TimeSpan retryAfter) =>
        logger.NotWatching(Unexpected(failure), Sentence(failure), DurationText.Format(retryAfter));

    public static void NotWatchingForNow(this ILogger logger, Exception failure, TimeSpan retryAfter) =>
        logger.NotWatchingForNow(Unexpected(failure), Sentence(failure), DurationText.Format(retryAfter));

    public static void DiskFailed(this ILogger logger, Exception failure, TimeSpan retryAfter) =>
        logger.DiskFailed(Unexpected(failure), Sentence(failure), DurationText.Format(retryAfter));

    public static void GoneUnknown(this ILogger logger, Exception failure, string imageId) =>
        logger.GoneUnknown(Unexpected(failure), imageId, Sentence(failure));

    public static void NotOpened(this ILogger logger, Exception failure) =>
        logger.NotOpened(Unexpected(failure), Sentence(failure));

    /// <summary>Returns null for an everyday failure, whose message says enough without a stack trace.</summary>
    private static Exception? Unexpected(Exception failure) => failure is EngineUnavailableException or TimeoutException
        or EngineRequestFailedException or EngineChangedException or ImageUseStoreException or NotSupportedException
        or InvalidDataException ? null : failure;

    /// <summary>Returns the message of a failure on one line and with one full stop.</summary>
    public static string Sentence(Exception failure)
    {
        var message = failure.Message.ReplaceLineEndings(" ").TrimEnd('.', ' ');
        return message.EndsWith(".)", StringComparison.Ordinal) ? message : message + ".";
    }

    /// <summary>Joins the names without the digests, which are long and mean less to a reader than the ID.</summary>
    private static string TagsOf(IEnumerable<string> names) =>
        string.Join(", ", names.Where(name => !name.Contains('@')).DefaultIfEmpty("without a name"));

    /// <summary>Formats a time as ISO 8601 in UTC.</summary>
    private static string Iso(DateTimeOffset moment) =>
        moment.ToUniversalTime().ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture);
}
