using ImageGc.Benchmarks.Contenders;
using ImageGc.Benchmarks.Reporting;
using ImageGc.Sqlite;

namespace ImageGc.Benchmarks.Parts;

/// <summary>Opening a migrated database in a process that has done so before.</summary>
internal static class OpenComparison
{
    public static void Run(BenchmarkSession session)
    {
        var contenders = new List<Contender>();
        foreach (var images in session.Effort.Sizes)
        {
            var path = session.Copy(session.Templates.Database(images));
            contenders.Add(Opening(RecordComparison.Store, images, () => StoreAt.Open(path, Durability.Full)));
            contenders.Add(Opening(RecordComparison.Raw, images, () =>
                RawSqlite.Open(path, Durability.Full, checks: true)));
        }

        Contest.WarmUp(contenders, TimeSpan.FromMilliseconds(BenchmarkSession.IsDebugBuild ? 10 : 150), session.Cancel);
        Contest.Run(contenders, session.Effort.Rounds.Other, session.Effort.Budget.Other, session.Cancel);
        Report(session, contenders);
    }

    private static void Report(BenchmarkSession session, List<Contender> contenders)
    {
        session.Report.Section("Open",
            "A migrated database in a warm process, checked as the store does.");
        session.Report.Table(
            ["images", RecordComparison.Raw, RecordComparison.Store, "p99", "÷ raw", "allocated"],
            contenders.GroupBy(contender => contender.Images).Select(size =>
            {
                var (store, raw) = (size.First(), size.Last());
                return (string[])[
                    Text.Count(size.Key),
                    Text.Time(Statistics.Percentile(raw.Sorted(), 50)),
                    Text.Time(Statistics.Percentile(store.Sorted(), 50)),
                    Text.Time(Statistics.Percentile(store.Sorted(), 99)),
                    $"{Contest.RatioOf(store, raw)}",
                    Text.Bytes(store.BytesPerOperation)];
            }));
    }

    private static Contender Opening(string name, long images, Func<IDisposable> open)
    {
        IDisposable? opened = null;
        return new Contender(name, images, _ => opened = open()) { MostPerBlock = 1, After = () => opened!.Dispose() };
    }
}
