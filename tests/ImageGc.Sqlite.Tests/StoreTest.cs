namespace ImageGc.Sqlite.Tests;

/// <summary>Gives each test its own database file and a clock that the test moves.</summary>
public abstract class StoreTest : IDisposable
{
    /// <summary>The default threshold.</summary>
    protected static readonly TimeSpan Week = TimeSpan.FromDays(7);
    protected static readonly TimeSpan Day = TimeSpan.FromDays(1);
    protected static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("imagegc-");
    private readonly List<IDisposable> _open = [];

    internal SteppingTime Time { get; } = new();

    protected string DatabasePath => PathOf("image_use.db");

    protected string PathOf(string name) => Path.Combine(_directory.FullName, name);

    protected ImageUseStore Open(Action<ImageUseStoreOptions>? configure = null, TimeProvider? time = null)
    {
        var options = new ImageUseStoreOptions { DatabasePath = DatabasePath };
        configure?.Invoke(options);
        var store = ImageUseStore.Open(options, time ?? Time);
        _open.Add(store);
        return store;
    }

    /// <summary>Copies the files as a process that is killed now would leave them. Returns the path.</summary>
    /// <remarks>Another process copies them, because closing them here would drop SQLite's locks.</remarks>
    protected static string Kill(string path)
    {
        var left = $"{path}.left";
        Shell.Run("cp", path, left);
        if (File.Exists($"{path}-wal"))
            Shell.Run("cp", $"{path}-wal", $"{left}-wal");
        return left;
    }

    protected static string Id(int number) => $"sha256:{number:x64}";

    public virtual void Dispose()
    {
        foreach (var store in _open)
            store.Dispose();
        _directory.Delete(recursive: true);
        GC.SuppressFinalize(this);
    }
}
