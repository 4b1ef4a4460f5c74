using Microsoft.Extensions.Logging;

namespace ImageGc.Docker;

/// <summary>Everything the engine logs. Event IDs are stable.</summary>
internal static partial class DockerLog
{
    [LoggerMessage(111, LogLevel.Warning,
        "{ImageId} was not removed, but may have lost the names {Names}: give tags back with 'docker tag' and digests "
        + "with 'docker pull'")]
    public static partial void LostNames(this ILogger logger, Exception? exception, string imageId, string names);
}
