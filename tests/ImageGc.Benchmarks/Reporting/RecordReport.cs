using ImageGc.Benchmarks.Parts;
using ImageGc.Sqlite;

namespace ImageGc.Benchmarks.Reporting;

/// <summary>The report on records: a table for the README, every figure, the goals and the chart.</summary>
internal sealed class RecordReport(Report report, IReadOnlyList<Contender> contenders)
{
    private static readonly string Store = RecordComparison.Name(RecordComparison.Store, Durability.Full);
    private static readonly string Raw = RecordComparison.Name(RecordComparison.Raw, Durability.Full);
    private static readonly string StoreNormal = RecordComparison.Name(RecordComparison.Store, Durability.Normal);
    private static readonly string RawNormal = RecordComparison.Name(RecordComparison.Raw, Durability.Normal);
    private static readonly string FlatFile = RecordComparison.Name(durable: false);
    private static readonly string DurableFlatFile = RecordComparison.Name(durable: true);

    private readonly long[] _sizes =
        [.. contenders.Select(contender => contender.Images).Where(images => images > 0).Distinct()];

    public static void Write(
        Report report, IReadOnlyList<Contender> contenders,
        IReadOnlyDictionary<long, (long Database, long Log, long FlatFile)> files)
    {
        var records = new RecordReport(report, contenders);
        records.Summary();
        records.Batches();
        records.Everything();
        records.FileSizes(files);
        records.Goals();
        report.Chart = records.Picture();
    }

    private void Summary()
    {
        report.Section("Record",
            "Medians, and for `ImageUseStore` the tail too; ratios are of pairs that ran side by side.");
        report.Table(
            ["images", FlatFile, DurableFlatFile, RecordComparison.Raw, RecordComparison.Store, "p99", "p99.9", "÷ raw",
                "Normal", "÷ raw"],
            _sizes.Select(images => (string[])[
                Text.Count(images),
                At(FlatFile, images), At(DurableFlatFile, images), At(Raw, images),
                At(Store, images), At(Store, images, 99), At(Store, images, 99.9), $"{RatioOf(images, Store, Raw)}",
                At(StoreNormal, images), $"{RatioOf(images, StoreNormal, RawNormal)}"]));
    }

    private void Batches()
    {
        var (store, raw) = (RecordComparison.BatchName(RecordComparison.Store),
            RecordComparison.BatchName(RecordComparison.Raw));
        report.Paragraph("A durable batch of 50:");
        report.Table(
            ["images", RecordComparison.Raw, RecordComparison.Store, "p99", "÷ raw", "÷ 50 single records"],
            _sizes.Select(images => (string[])[
                Text.Count(images), At(raw, images), At(store, images), At(store, images, 99),
                    $"{RatioOf(images, store, raw)}",
                Ratio.Text(RatioOf(images, store, Store).Median / RecordComparison.Batch)]));
    }

    private void Everything()
    {
        report.Paragraph("Every contender. \"Written\" does not include the file system's own journal:");
        report.Table(
            ["", "images", "p50", "p99", "p99.9", "operations", "allocated each", "written each"],
            contenders.OrderBy(contender => contender.Images).Select(contender =>
            {
                var sorted = contender.Sorted();
                return (string[])[
                    contender.Name, Text.Count(contender.Images),
                    Text.Time(Statistics.Percentile(sorted, 50)),
                    Text.Time(Statistics.Percentile(sorted, 99)),
                    Text.Time(Statistics.Percentile(sorted, 99.9)),
                    Text.Count(sorted.Length), Text.Bytes(contender.BytesPerOperation),
                    Text.Bytes(contender.WrittenPerOperation)];
            }));
    }

    private void FileSizes(IReadOnlyDictionary<long, (long Database, long Log, long FlatFile)> files)
    {
        report.Paragraph("Size of the files afterwards:");
        report.Table(
            ["images", "database", "its log", "flat file"],
            files.Select(file => (string[])[
                Text.Count(file.Key), Text.Bytes(file.Value.Database), Text.Bytes(file.Value.Log),
                    Text.Bytes(file.Value.FlatFile)]));
    }

    private void Goals()
    {
        report.Goal("durable record ≤ 1.10 × raw", _sizes.Select(images => RatioOf(images, Store, Raw)), 1.10);
        report.Goal("record, Normal, ≤ 1.5 × raw", _sizes.Select(images => RatioOf(images, StoreNormal, RawNormal)),
            1.5);
        if (_sizes.Contains(1_000_000))
        {
            report.Goal(
                "durable record at 1,000,000 images ≤ 1.15 × at 10",
                [Contest.RatioOf(Find(Store, 1_000_000), Find(Store, 10))], 1.15);
        }

        report.Goal(
            "durable record faster than the flat file's from 100 images on",
            Sizes(FlatFile).Where(images => images >= 100).Select(images => RatioOf(images, Store, FlatFile)), 1);
        report.Goal(
            "durable record faster than the durable flat file's",
                Sizes(DurableFlatFile).Select(images => RatioOf(images, Store, DurableFlatFile)), 1);
    }

    private string Picture() => Reporting.Chart.Draw(
        "Recording one use: median latency against the number of tracked images",
        [
            Line(DurableFlatFile, "#c44e52", 2, dashed: false), Line(FlatFile, "#c44e52", 2, dashed: true),
            Line(Raw, "#c8c8c8", 7, dashed: false), Line(RawNormal, "#c8c8c8", 7, dashed: true),
            Line(Store, "#1f6fb4", 2, dashed: false), Line(StoreNormal, "#1f6fb4", 2, dashed: true),
        ]);

    private Series Line(string name, string color, int width, bool dashed) => new(
        name, color, width, dashed,
        [.. Sizes(name).Select(images => ((double)images, Statistics.Percentile(Find(name, images).Sorted(), 50)))]);

    private string At(string name, long images, double percent = 50) =>
        Has(name, images) ? Text.Time(Statistics.Percentile(Find(name, images).Sorted(), percent)) : "";

    private Ratio RatioOf(long images, string name, string baseline) =>
        Contest.RatioOf(Find(name, images), Find(baseline, images));

    private IEnumerable<long> Sizes(string name) => _sizes.Where(images => Has(name, images));

    private bool Has(string name, long images) =>
        contenders.Any(contender => contender.Name == name && contender.Images == images);

    private Contender Find(string name, long images) =>
        contenders.Single(contender => contender.Name == name && contender.Images == images);
}
