using ImageGc.Benchmarks.Contenders;
using ImageGc.Benchmarks.Reporting;
using ImageGc.Sqlite;

namespace ImageGc.Benchmarks.Parts;

/// <summary>Prunes of every system, each on a fresh copy; the copy and the opening are not measured.</summary>
internal sealed class PruneComparison(BenchmarkSession session, long images, double expired, int inUseCount)
{
    private static readonly double[] Shares = [0.01, 0.5];
    private static readonly int[] InUseCounts = [100, 10_000];

    private readonly string[] _inUse = Images.InUse(images, expired, inUseCount);
    private readonly TimeSpan _threshold = Images.Threshold(images, expired);
    private readonly long _now = new BenchmarkTime().Now;
    private int? _found;

    public static void Run(BenchmarkSession session)
    {
        Contest.WarmUp(
            new PruneComparison(session, 10, Shares[0], InUseCounts[0]).Contenders(),
            TimeSpan.FromMilliseconds(BenchmarkSession.IsDebugBuild ? 10 : 1_500),
            session.Cancel);
        var results = new List<(PruneCase Case, IReadOnlyList<Contender> Contenders)>();
        foreach (var @case in Cases(session.Effort))
        {
            session.Say(@case.ToString());
            var comparison = new PruneComparison(session, @case.Images, @case.Expired, @case.InUse);
            results.Add((@case, comparison.Measure()));
        }

        PruneReport.Write(session.Report, results);
    }

    private static IEnumerable<PruneCase> Cases(BenchmarkEffort effort) =>
        from images in effort.Sizes
        from expired in Shares
        from inUse in InUseCounts
        let hardest = images <= effort.EveryPruneUpTo
        where images != 100 && (hardest || (expired == Shares[0] && inUse == InUseCounts[0]))
        select new PruneCase(images, expired, inUse);

    private Contender[] Measure()
    {
        var contenders = Contenders();
        Contest.Run(contenders, session.Effort.Rounds.Other, session.Effort.Budget.Other, session.Cancel);
        return contenders;
    }

    private Contender[] Contenders() => images <= BenchmarkEffort.LargestFlatFile
        ? [Store(), Raw(), FlatFile(durable: false), FlatFile(durable: true)]
        : [Store(), Raw()];

    private Contender Store()
    {
        var path = "";
        ImageUseStore? store = null;
        var options = new PruneOptions { Threshold = _threshold };
        return new Contender(RecordComparison.Store, images, _ => Check(store!.Prune(_inUse, options).Count))
        {
            MostPerBlock = 1,
            Before = () =>
            {
                path = session.Copy(session.Templates.Database(images));
                store = StoreAt.Open(path, Durability.Full, new BenchmarkTime());
            },
            After = () => CleanUp(store!, path),
        };
    }

    private Contender Raw()
    {
        var path = "";
        RawSqlite? raw = null;
        return new Contender(RecordComparison.Raw, images,
            _ => Check(raw!.Prune(_inUse, new BenchmarkTime(), _threshold).Count))
        {
            MostPerBlock = 1,
            Before = () =>
            {
                path = session.Copy(session.Templates.Database(images));
                raw = RawSqlite.Open(path, Durability.Full);
            },
            After = () => CleanUp(raw!, path),
        };
    }

    private Contender FlatFile(bool durable)
    {
        var path = "";
        EdgeFlatFile? file = null;
        return new Contender(
            RecordComparison.Name(durable), images, _ => Check(file!.Prune(_inUse, _now, _threshold).Count))
        {
            MostPerBlock = 1,
            Before = () =>
            {
                path = session.Copy(session.Templates.FlatFile(images));
                file = new EdgeFlatFile(path, durable);
            },
            After = () => CleanUp(null, path),
        };
    }

    private static void CleanUp(IDisposable? open, string path)
    {
        open?.Dispose();
        Disk.Settle(path);
        Disk.Delete(path);
    }

    /// <summary>All contenders must find the same number of images, or they do not do the same work.</summary>
    private void Check(int found)
    {
        _found ??= found;
        if (found != _found)
            throw new InvalidOperationException($"One contender found {_found} expired images, another one {found}.");
    }
}

internal sealed record PruneCase(long Images, double Expired, int InUse)
{
    public override string ToString() => $"{Images:N0} images, {Expired:P0} expired, {InUse:N0} in use";
}
