using Microsoft.Extensions.Logging;

namespace ImageGc.Docker;

/// <summary>Everything the hosting logs. Event IDs are stable.</summary>
internal static partial class Log
{
    [LoggerMessage(101, LogLevel.Information, "Image garbage collection is disabled: no image is removed")]
    public static partial void Disabled(this ILogger logger);

    [LoggerMessage(102, LogLevel.Information, "The next cleanup is due at {Due:u}")]
    public static partial void NextCleanup(this ILogger logger, DateTimeOffset due);

    [LoggerMessage(103, LogLevel.Error,
        "The cleanup failed, and what it has not removed stays; the next try comes after {RetryAfter}")]
    public static partial void CleanupFailed(this ILogger logger, Exception exception, TimeSpan retryAfter);

    [LoggerMessage(104, LogLevel.Information, "Forgot {ImageId}: the engine does not have it any more")]
    public static partial void ForgotVanished(this ILogger logger, string imageId);

    [LoggerMessage(105, LogLevel.Information, "Watching the containers of {EngineAddress}: {Containers} exist")]
    public static partial void Watching(this ILogger logger, Uri engineAddress, int containers);

    [LoggerMessage(106, LogLevel.Warning,
        "Cannot watch the engine; the next try comes after {RetryAfter}, and makes up for what happens meanwhile")]
    public static partial void NotWatching(this ILogger logger, Exception exception, TimeSpan retryAfter);

    [LoggerMessage(107, LogLevel.Warning, "The disk is {UsedPercent:F0}% full: unused images go before their time")]
    public static partial void DiskFull(this ILogger logger, double usedPercent);

    [LoggerMessage(108, LogLevel.Warning,
        "The disk is still {UsedPercent:F0}% full, and no unused image is left that may go: make room by hand, or look "
        + "with 'docker system df' at what else is there")]
    public static partial void DiskStillFull(this ILogger logger, double usedPercent);

    [LoggerMessage(109, LogLevel.Error, "Could not make room on the disk; the next try comes after {RetryAfter}")]
    public static partial void DiskFailed(this ILogger logger, Exception exception, TimeSpan retryAfter);

    [LoggerMessage(110, LogLevel.Warning,
        "Could not look which tracked images are gone; the next image that goes, or an hour, brings the next try")]
    public static partial void VanishedUnknown(this ILogger logger, Exception exception);

    [LoggerMessage(111, LogLevel.Warning,
        "{ImageId} was not removed, but may have lost the names {Names}: look, and give tags back with 'docker tag' and "
        + "digests with 'docker pull'")]
    public static partial void LostNames(this ILogger logger, Exception? exception, string imageId, string names);

    [LoggerMessage(112, LogLevel.Warning,
        "Could not follow what happened to {Type} {Id} ({Action}), and go on with what happens next")]
    public static partial void SkippedEvent(
        this ILogger logger, Exception exception, string type, string id, string action);
}
