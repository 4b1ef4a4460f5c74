using ImageGc.Cli.Execution;
using ImageGc.Cli.Output;
using ImageGc.Sqlite;

namespace ImageGc.Cli.Input;

/// <summary>The image IDs and names that the shell can complete.</summary>
internal static class ImageIdCompletions
{
    private const int MaxCount = 1000;

    /// <summary>Short, because the user waits after TAB.</summary>
    private static readonly TimeSpan BusyTimeout = TimeSpan.FromSeconds(1);

    public static IEnumerable<string> Tracked(ImageUseStore store) => store.List().Select(image => image.ImageId);

    public static IEnumerable<string> TrackedOrNamed(ImageUseStore store) => store.List().SelectMany(WordsFor);

    public static IEnumerable<string> TrackedOrRemoved(ImageUseStore store) =>
        TrackedOrNamed(store).Union(store.ListRemoved().SelectMany(removed => WordsFor(removed.Image)));

    private static IEnumerable<string> WordsFor(ImageUse image) => image.Names.Append(image.ImageId);

    /// <summary>Reads those that need no quoting in a shell; none if the database cannot be read.</summary>
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
