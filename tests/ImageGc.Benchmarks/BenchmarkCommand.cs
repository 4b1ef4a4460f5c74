using System.CommandLine;
using ImageGc.Benchmarks.Parts;
using ImageGc.Benchmarks.Reporting;

namespace ImageGc.Benchmarks;

/// <summary>The command line of the benchmark, and the order of its parts.</summary>
internal static class BenchmarkCommand
{
    private static readonly Dictionary<string, Action<BenchmarkSession>> Parts = new()
    {
        ["record"] = RecordComparison.Run,
        ["prune"] = PruneComparison.Run,
        ["memory"] = PruneMemory.Run,
        ["open"] = OpenComparison.Run,
        ["fresh"] = FreshProcess.Run,
        ["writers"] = Writers.Run,
        ["micro"] = MicroBenchmarks.Run,
    };

    private static readonly Option<bool> Short = new("--short") { Description = "Takes about 3 minutes; the default" };
    private static readonly Option<bool> Full =
        new("--full") { Description = "The run to publish; takes about 20 minutes" };
    private static readonly Option<bool> Smoke =
        new("--smoke") { Description = "Only shows that it works; its figures say nothing" };
    private static readonly Option<bool> TenMillion =
        new("--ten-million") { Description = "Adds 10 million images; needs 8 GB of disk" };
    private static readonly Option<string[]> Filter = new("--filter")
    {
        Description = "Runs these parts only",
        AllowMultipleArgumentsPerToken = true,
    };

    private static readonly Option<string> Directory = new("--directory")
    {
        Description = "The file system to measure on",
        DefaultValueFactory = _ => Path.GetTempPath(),
    };

    private static readonly Option<string> ReportFile = new("--report")
    {
        Description = "The file for the report, as Markdown",
        DefaultValueFactory = _ => Path.Combine("artifacts", "benchmark.md"),
    };

    private static readonly Option<string> ChartFile = new("--chart")
    {
        Description = "The file for the chart, as SVG",
        DefaultValueFactory = _ => Path.Combine("artifacts", "benchmark.svg"),
    };

    public static Task<int> RunAsync(string[] args)
    {
        Filter.AcceptOnlyFromAmong([.. Parts.Keys]);
        var root = new RootCommand(
            "Measures ImageUseStore, the flat file and raw SQLite, and checks the goals.")
        {
            Short, Full, Smoke, TenMillion, Filter, Directory, ReportFile, ChartFile,
        };
        root.SetAction(Run);
        return root.Parse(args).InvokeAsync(new InvocationConfiguration
        {
            ProcessTerminationTimeout = TimeSpan.FromMinutes(2), // To finish an operation and clean up after Ctrl-C.
        });
    }

    private static async Task<int> Run(ParseResult parsed, CancellationToken cancel)
    {
        var effort = parsed.GetValue(Smoke) ? BenchmarkEffort.Smoke
            : parsed.GetValue(Full) ? BenchmarkEffort.Full
            : BenchmarkEffort.Short;
        if (BenchmarkSession.IsDebugBuild && effort != BenchmarkEffort.Smoke)
        {
            await Console.Error.WriteLineAsync("Measure what users run: dotnet run --configuration Release …");
            return 2;
        }

        if (parsed.GetValue(TenMillion))
            effort = effort.With(10_000_000);
        var chosen = parsed.GetValue(Filter) is { Length: > 0 } filter ? filter : [.. Parts.Keys];
        var report = new Report(effort, parsed.GetValue(Directory)!);
        try
        {
            await Task.Run(() =>
                Measure(new BenchmarkSession(effort, parsed.GetValue(Directory)!, report, cancel), chosen), cancel);
        }
        catch (Exception exception) when (exception is OperationCanceledException || cancel.IsCancellationRequested)
        {
            await Console.Error.WriteLineAsync("Cancelled; nothing is left behind.");
            return 130;
        }

        report.Save(parsed.GetValue(ReportFile)!, parsed.GetValue(ChartFile)!);
        return 0;
    }

    private static void Measure(BenchmarkSession session, string[] chosen)
    {
        using (session)
        {
            foreach (var (name, run) in Parts.Where(part => chosen.Contains(part.Key)))
            {
                session.Say($"== {name}");
                run(session);
                session.Cancel.ThrowIfCancellationRequested();
            }
        }
    }
}
