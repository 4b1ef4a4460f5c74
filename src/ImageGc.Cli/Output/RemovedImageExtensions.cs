using ImageGc.Sqlite;

namespace ImageGc.Cli.Output;

internal static class Unused
{
    /// <summary>How long it was not used before it went; nothing, where a clock that was set back says less.</summary>
    public static TimeSpan UnusedFor(this RemovedImage removed) =>
        removed.RemovedAt > removed.Image.LastUsedAt ? removed.RemovedAt - removed.Image.LastUsedAt : TimeSpan.Zero;
}
