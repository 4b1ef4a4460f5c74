using System.Globalization;
using ImageGc.Benchmarks.Reporting;

namespace ImageGc.Benchmarks.Parts;

/// <summary>The cost of the first use in a fresh process, compilation included. The processes take turns.</summary>
internal static class FreshProcess
{
    private const long Tracked = 1_000;

    public static void Run(BenchmarkSession session)
    {
        string[] kinds = ["idle", "open", "open-record", "first-prune", "first-prune-async"];
        var inside = kinds.ToDictionary(kind => kind, _ => new List<double>());
        var contenders = kinds.Select(kind => Starting(session, kind, inside[kind])).ToArray();
        Contest.Run(contenders, session.Effort.Processes, TimeSpan.MaxValue / session.Effort.Processes, session.Cancel);
        Report(session.Report, contenders, inside);
    }

    private static void Report(Report report, Contender[] contenders, Dictionary<string, List<double>> inside)
    {
        Contender Find(string kind) => contenders.Single(contender => contender.Name == kind);
        double Inside(string kind) => Statistics.Median(inside[kind]);
        double Above(string kind, string baseline) => Statistics.Median(Find(kind).Blocks.Select(
            block => (block.Value[0] - Find(baseline).Blocks[block.Key][0]) / 1_000));

        report.Section(
            "Fresh process",
            $"Medians of {inside["idle"].Count} processes on {Tracked:N0} images, compiling included: what the call "
            + "took inside, and the whole process against one that does nothing and one that only opens the store.");
        report.Table(
            ["", "inside", "process above idle", "above open"],
            inside.Keys.Where(kind => kind != "idle").Select(kind => (string[])[
                kind, $"{Inside(kind):0.0} ms", $"{Above(kind, "idle"):0.0} ms",
                kind == "open" ? "" : $"{Above(kind, "open"):0.0} ms"]));

        Judge("open-record", "open and first record in a fresh process", 60);
        Judge("first-prune", "first Prune in a fresh process", 40);
        Judge("first-prune-async", "first PruneAsync in a fresh process", 40);

        void Judge(string kind, string goal, int limit) =>
            report.Goal($"{goal} ≤ {limit} ms", $"{Inside(kind):0.0} ms", Inside(kind) <= limit);
    }

    private static Contender Starting(BenchmarkSession session, string kind, List<double> inside)
    {
        var path = "";
        return new Contender(kind, Tracked, _ =>
        {
            using var child = Child.Start(ArgumentsOf(kind, path));
            inside.Add(double.Parse(Child.ReadToEnd(child), CultureInfo.InvariantCulture));
        })
        {
            MostPerBlock = 1,
            Before = () => path = session.Copy(session.Templates.Database(Tracked)),
            After = () => Disk.Delete(path),
        };
    }

    private static string[] ArgumentsOf(string kind, string path) => kind switch
    {
        "idle" => [kind],
        "open" or "open-record" => [kind, path],
        _ => [kind, path, Tracked.ToString(CultureInfo.InvariantCulture)],
    };
}
