using ImageGc.Sqlite;

namespace ImageGc.Benchmarks.Contenders;

/// <summary>Opens a store that is measured.</summary>
internal static class StoreAt
{
    public static ImageUseStore Open(string path, Durability durability, TimeProvider? time = null) =>
        ImageUseStore.Open(new ImageUseStoreOptions { DatabasePath = path, Durability = durability }, time);
}
