using ImageGc.Faults.Tests.PowerCut;
using ImageGc.Faults.Tests.Workload;
using ImageGc.Sqlite;

namespace ImageGc.Faults.Tests;

/// <summary>Judges images by opening them as the runtime does at its next start.</summary>
internal static class StoreJudge
{
    public const string FileName = "image_use.db";

    public static Judge New() => new(Reopen);

    private static string Reopen(string directory)
    {
        var options = new ImageUseStoreOptions { DatabasePath = Path.Combine(directory, FileName) };
        using var store = ImageUseStore.Open(options, new SteppingTime());
        var state = State.Of(store.List()).Text;
        if (store.Check().Damage is [var damage, ..])
            throw new InvalidDataException(damage);

        store.RecordUse("recorded-after-the-cut");
        return state;
    }
}
