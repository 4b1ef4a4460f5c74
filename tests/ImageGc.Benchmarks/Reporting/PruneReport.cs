using ImageGc.Benchmarks.Parts;

namespace ImageGc.Benchmarks.Reporting;

/// <summary>The report on prunes: one table and the goals.</summary>
internal static class PruneReport
{
    public static void Write(Report report,
        IReadOnlyList<(PruneCase Case, IReadOnlyList<Contender> Contenders)> results)
    {
        var measured = results
            .Select(result => (result.Case, Contenders: result.Contenders.ToDictionary(contender => contender.Name)))
            .ToList();
        report.Section("Prune",
            "Medians, and the slowest of `ImageUseStore`; a database just opened, in a warm process.");
        report.Table(
            ["images", "expired", "in use", RecordComparison.Name(durable: false), RecordComparison.Name(durable: true),
                RecordComparison.Raw, RecordComparison.Store, "slowest", "allocated", "÷ raw", "÷ flat file", "rounds"],
            measured.Select(result => Row(result.Case, result.Contenders)));

        report.Goal("prune ≤ 1.15 × raw", measured.Select(result => ToRaw(result.Contenders)), 1.15);
        report.Goal(
            "prune of 100,000 images at most a tenth of the flat file's",
            measured.Where(result => result.Case.Images == 100_000).Select(result => ToFlatFile(result.Contenders)),
                0.1);
    }

    private static string[] Row(PruneCase @case, Dictionary<string, Contender> contenders)
    {
        var store = contenders[RecordComparison.Store];
        return [
            Text.Count(@case.Images), $"{@case.Expired * 100:0} %", Text.Count(@case.InUse),
            Median(RecordComparison.Name(durable: false)), Median(RecordComparison.Name(durable: true)),
            Median(RecordComparison.Raw), Median(RecordComparison.Store), Text.Time(store.Sorted()[^1]),
            Text.Bytes(store.BytesPerOperation),
            $"{ToRaw(contenders)}", contenders.ContainsKey(RecordComparison.FlatFile)
                ? $"{ToFlatFile(contenders)}" : "",
            Text.Count(store.Blocks.Count)];

        string Median(string name) => contenders.TryGetValue(name, out var contender)
            ? Text.Time(Statistics.Percentile(contender.Sorted(), 50))
            : "";
    }

    private static Ratio ToRaw(Dictionary<string, Contender> contenders) =>
        Contest.RatioOf(contenders[RecordComparison.Store], contenders[RecordComparison.Raw]);

    private static Ratio ToFlatFile(Dictionary<string, Contender> contenders) =>
        Contest.RatioOf(contenders[RecordComparison.Store], contenders[RecordComparison.Name(durable: false)]);
}
