using ImageGc.Cli.Execution;
using ImageGc.Cli.Output;
using ImageGc.Sqlite;

namespace ImageGc.Cli.Input;

/// <summary>Image IDs for the shell to complete.</summary>
internal static class ImageIdCompletions
{
    private const int MaxCount = 1000;

    /// <summary>A press of TAB must not take longer.</summary>
    private static readonly TimeSpan BusyTimeout = TimeSpan.FromSeconds(1);

    public static IEnumerable<string> Tracked(ImageUseStore store) => store.List().Select(image => image.ImageId);

    public static IEnumerable<string> TrackedOrNamed(ImageUseStore store) => store.List().SelectMany(WordsFor);

    public static IEnumerable<string> TrackedOrRemoved(ImageUseStore store) =>
        TrackedOrNamed(store).Union(store.ListRemoved().SelectMany(removed => WordsFor(removed.Image)));

    private static IEnumerable<string> WordsFor(ImageUse image) => image.Names.Append(image.ImageId);

    /// <summary>Those that a shell takes as they are; none where they cannot be read.</summary>
    public static IEnumerable<string> Read(Func<string> database, Func<ImageUseStore, IEnumerable<string>> known)
    {
        try
        {
            using var store = ImageUseStore.Open(
                new ImageUseStoreOptions { DatabasePath = database(), ReadOnly = true, BusyTimeout = BusyTimeout });
            return [.. known(store).Where(NeedsNoQuoting).Order(StringComparer.Ordinal).Take(MaxCount)];
        }
        catch (Exception exception)
            when (exception is ImageUseStoreException or CommandFailedException or ArgumentException)
        {
            return [];
        }
    }

    private static bool NeedsNoQuoting(string imageId) =>
        ShellQuoting.Quote(imageId) == imageId && !imageId.StartsWith('-');
}
