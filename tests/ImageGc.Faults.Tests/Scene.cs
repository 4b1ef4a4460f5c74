using ImageGc.Faults.Tests.PowerCut;
using ImageGc.Faults.Tests.Vfs;
using ImageGc.Faults.Tests.Workload;
using ImageGc.Sqlite;

namespace ImageGc.Faults.Tests;

/// <summary>
/// A store on a recording VFS, in its own directory, from its creation through the calls of a workload.
/// </summary>
internal sealed class Scene : IDisposable
{
    public const string DatabaseName = "image_use.db";

    private readonly ScratchDirectory _directory = ScratchDirectory.New();

    public Scene(Durability durability = Durability.Full, bool believesPowersafe = false,
        Predicate<string>? ignoresSync = null)
    {
        Vfs = new FaultVfs
        {
            Recording = Recording,
            BelievesPowersafeOverwrite = believesPowersafe,
            IgnoresSync = ignoresSync ?? (_ => false),
        };
        Options = new ImageUseStoreOptions
        {
            DatabasePath = _directory.PathOf(DatabaseName),
            Durability = durability,
            Vfs = Vfs.Name,
        };
    }

    public FaultVfs Vfs { get; }

    public Recording Recording { get; } = new();

    public History History { get; } = new();

    public ImageUseStoreOptions Options { get; }

    public void Run(IEnumerable<Operation> operations)
    {
        using var session = new Session(Options, new SteppingTime());
        History.MakeAll(operations, session, Recording);
    }

    /// <summary>
    /// Cuts the power at every point so far, and opens each disk image as the runtime does at its next start.
    /// </summary>
    public Verdict CutPower(string what, int imagesPerPoint, bool destroysSectors = false)
    {
        var verdict = NewJudge().Of(new PowerCuts(Recording, imagesPerPoint, destroysSectors).All(), History);
        Figures.Add(what, verdict.ToString());
        return verdict;
    }

    public static Judge NewJudge() => new(Reopen);

    public void Dispose()
    {
        Vfs.Dispose();
        _directory.Dispose();
    }

    private static string Reopen(string directory)
    {
        var options = new ImageUseStoreOptions { DatabasePath = Path.Combine(directory, DatabaseName) };
        using var store = ImageUseStore.Open(options, new SteppingTime());
        var state = State.TextOf(store.List());
        if (store.Check().Damage is [var damage, ..])
            throw new InvalidDataException(damage);
        if (Directory.GetFiles(directory, "*.corrupt-*") is [var kept, ..])
            throw new InvalidDataException($"Power loss was taken for damage: {kept}");

        store.RecordUse("recorded-after-the-cut");
        return state;
    }
}
