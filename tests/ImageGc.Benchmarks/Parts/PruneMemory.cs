using System.Globalization;
using ImageGc.Benchmarks.Reporting;

namespace ImageGc.Benchmarks.Parts;

/// <summary>By how much a prune of 1% raises the peak memory of its process.</summary>
internal static class PruneMemory
{
    public static void Run(BenchmarkSession session)
    {
        if (!OperatingSystem.IsLinux())
            return;

        var peaks = new List<PeakMemory>();
        foreach (var images in session.Effort.Sizes.Where(images => images >= 1_000))
        {
            var bytes = new Dictionary<string, long>
            {
                [RecordComparison.Store] = Measure(session, "store", session.Templates.Database(images), images),
                [RecordComparison.Raw] = Measure(session, "raw", session.Templates.Database(images), images),
            };
            if (images <= BenchmarkEffort.LargestFlatFile)
                bytes[RecordComparison.FlatFile] = Measure(session, "flat-file", session.Templates.FlatFile(images),
                    images);
            peaks.Add(new PeakMemory(images, bytes));
        }

        Report(session.Report, peaks);
    }

    private static void Report(Report report, List<PeakMemory> peaks)
    {
        string[] systems = [RecordComparison.FlatFile, RecordComparison.Raw, RecordComparison.Store];
        report.Section("Peak memory of a prune",
            "Above what the process held before its first prune; 1% expired, 100 in use.");
        report.Table(
            ["images", .. systems],
            peaks.Select(peak => (string[])[Text.Count(peak.Images), .. systems.Select(system => Peak(peak, system))]));
        if (peaks.Find(peak => peak.Images == 1_000_000) is { } million)
        {
            var bytes = million.Bytes[RecordComparison.Store];
            report.Goal("prune of 1,000,000 images, 1% expired, ≤ 20 MB above idle", Text.Bytes(bytes),
                bytes <= 20_000_000);
        }
    }

    private static string Peak(PeakMemory peak, string system) =>
        peak.Bytes.TryGetValue(system, out var bytes) ? Text.Bytes(bytes) : "";

    private static long Measure(BenchmarkSession session, string system, string template, long images)
    {
        session.Cancel.ThrowIfCancellationRequested();
        var path = session.Copy(template);
        using var child = Child.Start("memory", system, path, images.ToString(CultureInfo.InvariantCulture));
        var bytes = long.Parse(Child.ReadToEnd(child), CultureInfo.InvariantCulture);
        Disk.Delete(path);
        return bytes;
    }
}

internal sealed record PeakMemory(long Images, IReadOnlyDictionary<string, long> Bytes);
