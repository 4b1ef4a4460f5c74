using System.Diagnostics;
using System.Globalization;
using ImageGc.Benchmarks.Contenders;
using ImageGc.Benchmarks.Parts;
using ImageGc.Sqlite;

namespace ImageGc.Benchmarks;

/// <summary>The benchmark as a process that is measured: it does one thing and prints one line about it.</summary>
internal static class Child
{
    public const string Switch = "--child";

    public static int Run(string[] args)
    {
        Console.Out.WriteLine(args switch
        {
            ["idle"] => "0",
            ["open", var path] => Open(path, record: false),
            ["open-record", var path] => Open(path, record: true),
            ["first-prune", var path, var images] => FirstPrune(path, Number(images)),
            ["first-prune-async", var path, var images] => FirstPruneAsync(path, Number(images)),
            ["memory", var system, var path, var images] => PeakOfPrune(system, path, Number(images)),
            ["write", var path, var durability, var seconds, var process] => Writers.RunChild(
                path, Enum.Parse<Durability>(durability), double.Parse(seconds, CultureInfo.InvariantCulture),
                    (int)Number(process)),
            _ => throw new ArgumentException($"Unknown child: {string.Join(' ', args)}"),
        });
        return 0;
    }

    /// <summary>Starts this program as a child.</summary>
    public static Process Start(params string[] args)
    {
        var program = Path.ChangeExtension(
            typeof(Child).Assembly.Location, OperatingSystem.IsWindows() ? ".exe" : null);
        return Process.Start(new ProcessStartInfo(program, [Switch, .. args])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;
    }

    /// <summary>Waits for a child to end, which must succeed; returns what it printed.</summary>
    public static string ReadToEnd(Process child)
    {
        const int interrupted = 130; // Ctrl-C reaches the children too, perhaps before this process.
        var output = child.StandardOutput.ReadToEnd();
        child.WaitForExit();
        return child.ExitCode switch
        {
            0 => output.Trim(),
            interrupted => throw new OperationCanceledException(),
            _ => throw new InvalidOperationException($"A child failed: {output}"),
        };
    }

    private static long Number(string text) => long.Parse(text, CultureInfo.InvariantCulture);

    private static string Timed(Action action)
    {
        var start = Stopwatch.GetTimestamp();
        action();
        return Stopwatch.GetElapsedTime(start).TotalMilliseconds.ToString(CultureInfo.InvariantCulture);
    }

    private static string Open(string path, bool record)
    {
        ImageUseStore? store = null;
        var took = Timed(() =>
        {
            store = StoreAt.Open(path, Durability.Full, new BenchmarkTime());
            if (record)
                store.RecordUse(Images.Id(0));
        });
        store!.Dispose();
        return took;
    }

    private static string FirstPrune(string path, long images)
    {
        var inUse = Images.InUse(images, 0.01, 100);
        using var store = StoreAt.Open(path, Durability.Full, new BenchmarkTime());
        return Timed(() => store.Prune(inUse, new PruneOptions { Threshold = Images.Threshold(images, 0.01) }));
    }

    private static string FirstPruneAsync(string path, long images)
    {
        var inUse = Images.InUse(images, 0.01, 100);
        using var store = StoreAt.Open(path, Durability.Full, new BenchmarkTime());
        return Timed(() => store
            .PruneAsync(
                inUse, (_, _) => Task.CompletedTask, new PruneOptions { Threshold = Images.Threshold(images, 0.01) })
            .GetAwaiter().GetResult());
    }

    /// <summary>By how many bytes a prune raises the peak memory of this process, which has opened the store.</summary>
    private static string PeakOfPrune(string system, string path, long images)
    {
        var inUse = Images.InUse(images, 0.01, 100);
        var threshold = Images.Threshold(images, 0.01);
        var now = new BenchmarkTime().Now;
        using var store = system == "store" ? StoreAt.Open(path, Durability.Full, new BenchmarkTime()) : null;
        using var raw = system == "raw" ? RawSqlite.Open(path, Durability.Full) : null;
        var flatFile = new EdgeFlatFile(path, durable: true);

        GC.Collect();
        File.WriteAllText("/proc/self/clear_refs", "5"); // Sets the peak to what is resident now.
        var before = PeakResident();
        _ = store?.Prune(inUse, new PruneOptions { Threshold = threshold }).Count
            ?? raw?.Prune(inUse, new BenchmarkTime(), threshold).Count
            ?? flatFile.Prune(inUse, now, threshold).Count;
        return (PeakResident() - before).ToString(CultureInfo.InvariantCulture);
    }

    private static long PeakResident() => 1024 * Number(File.ReadLines("/proc/self/status")
        .Single(line => line.StartsWith("VmHWM:", StringComparison.Ordinal))["VmHWM:".Length..^"kB".Length].Trim());
}
