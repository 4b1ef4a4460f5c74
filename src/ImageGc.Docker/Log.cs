using Microsoft.Extensions.Logging;

namespace ImageGc.Docker;

/// <summary>Everything the hosting logs. Event IDs are stable.</summary>
internal static partial class Log
{
    [LoggerMessage(101, LogLevel.Information, "Image garbage collection is disabled: no image is removed")]
    public static partial void Disabled(this ILogger logger);

    [LoggerMessage(102, LogLevel.Information, "The next cleanup is due at {Due:u}")]
    public static partial void NextCleanup(this ILogger logger, DateTimeOffset due);

    [LoggerMessage(103, LogLevel.Error, "The cleanup failed, and what it has not removed stays; the next try comes after {RetryAfter}")]
    public static partial void CleanupFailed(this ILogger logger, Exception exception, TimeSpan retryAfter);

    [LoggerMessage(104, LogLevel.Information, "Forgot {ImageId}: the engine does not have it any more")]
    public static partial void ForgotVanished(this ILogger logger, string imageId);
}
