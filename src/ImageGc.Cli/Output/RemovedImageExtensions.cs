using ImageGc.Sqlite;

namespace ImageGc.Cli.Output;

internal static class RemovedImageExtensions
{
    /// <summary>How long it was unused before it was removed; zero if the clock was set back in between.</summary>
    public static TimeSpan UnusedFor(this RemovedImage removed) =>
        removed.RemovedAt > removed.Image.LastUsedAt ? removed.RemovedAt - removed.Image.LastUsedAt : TimeSpan.Zero;
}
