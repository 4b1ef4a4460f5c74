using System.Runtime.CompilerServices;
using ImageGc.Sqlite;

namespace ImageGc.Faults.Tests;

/// <summary>
/// The other process of <see cref="KillTests"/>: this executable, started with two environment variables.
/// </summary>
internal static class WriterProcess
{
    public const string PathVariable = "IMAGEGC_FAULTS_WRITER_PATH";
    public const string NameVariable = "IMAGEGC_FAULTS_WRITER_NAME";

    private const string Ended = ".";

    [ModuleInitializer]
    internal static void RunIfAsked()
    {
        if (Environment.GetEnvironmentVariable(PathVariable) is { } path)
        {
            Write(path, Environment.GetEnvironmentVariable(NameVariable)!);
            Environment.Exit(0);
        }
    }

    /// <summary>Records and acknowledges until it is killed or has written more than any test waits for.</summary>
    private static void Write(string path, string name)
    {
        using var store = ImageUseStore.Open(new ImageUseStoreOptions { DatabasePath = path });
        for (var i = 0; i < 20_000; i++)
        {
            var imageId = $"{name}-{i}";
            var pair = new[] { $"{imageId}-a", $"{imageId}-b" };
            store.RecordUse(imageId);
            Console.WriteLine($"{imageId} {Ended}");
            store.RecordUse(pair);
            Console.WriteLine($"{string.Join(' ', pair)} {Ended}");
            if (i % 10 == 0)
                store.Prune([imageId]);
        }
    }
}
