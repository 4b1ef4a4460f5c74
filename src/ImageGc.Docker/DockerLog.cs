using Microsoft.Extensions.Logging;

namespace ImageGc.Docker;

/// <summary>Everything that ImageGc.Docker logs. Event IDs are stable.</summary>
internal static partial class DockerLog
{
    [LoggerMessage(111, LogLevel.Warning,
        "{ImageId} was not removed, but may have lost the names {Names}: restore tags with 'docker tag' and digests "
        + "with 'docker pull'")]
    public static partial void LostNames(this ILogger logger, Exception? exception, string imageId, string names);
}
