using System.Collections.Concurrent;
using ImageGc.Sqlite;

namespace ImageGc.Native;

/// <summary>
/// The open stores by their numbers. A number is used once, so that a call with a closed store is an error that the
/// library reports. With a pointer, such a call would read memory that is used for something else.
/// </summary>
internal static class OpenStores
{
    public const string NotOpen = "The store is not open.";

    private static readonly ConcurrentDictionary<ulong, ImageUseStore> Stores = new();
    private static ulong LastNumber;

    public static ulong Add(ImageUseStore store)
    {
        var number = Interlocked.Increment(ref LastNumber);
        Stores[number] = store;
        return number;
    }

    /// <exception cref="ArgumentException">No store with this number is open.</exception>
    public static ImageUseStore Find(ulong number) =>
        Stores.TryGetValue(number, out var store) ? store : throw new ArgumentException(NotOpen);

    /// <exception cref="ArgumentException">No store with this number is open.</exception>
    public static void Close(ulong number)
    {
        if (!Stores.TryRemove(number, out var store))
            throw new ArgumentException(NotOpen);
        store.Dispose();
    }
}
