using ImageGc.Sqlite;

namespace ImageGc.Benchmarks.Contenders;

/// <summary>Opens a store that is measured.</summary>
internal static class StoreAt
{
    public static ImageUseStore Open(string path, Durability durability, DeviceClock? clock = null) =>
        ImageUseStore.Open(new ImageUseStoreOptions
        {
            DatabasePath = path,
            Durability = durability,
            Clock = clock,
            ClockSettleTime = TimeSpan.Zero, // The templates have wall-clock times only.
        });
}
