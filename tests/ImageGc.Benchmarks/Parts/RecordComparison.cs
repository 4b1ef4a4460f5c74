using ImageGc.Benchmarks.Contenders;
using ImageGc.Benchmarks.Reporting;
using ImageGc.Sqlite;

namespace ImageGc.Benchmarks.Parts;

/// <summary>Records of every system at every size, all of them in one contest.</summary>
internal sealed class RecordComparison : IDisposable
{
    public const string Store = "ImageUseStore";
    public const string Raw = "raw SQLite";
    public const string FlatFile = "flat file";

    public const int Batch = 50;
    private const int Distinct = 1 << 15;

    private readonly BenchmarkSession _session;
    private readonly List<Contender> _contenders = [];
    private readonly List<IDisposable> _open = [];
    private readonly List<string> _paths = [];
    private readonly Dictionary<long, (string Database, string FlatFile)> _files = [];

    private RecordComparison(BenchmarkSession session) => _session = session;

    public static void Run(BenchmarkSession session)
    {
        using var comparison = new RecordComparison(session);
        foreach (var images in session.Effort.Sizes)
        {
            session.Say($"{images:N0} images");
            comparison.Enter(images);
        }

        comparison.Measure();
    }

    public static string Name(string system, Durability durability) => $"{system}, {durability}";

    public static string Name(bool durable) => durable ? $"{FlatFile} + fsync" : FlatFile;

    public static string BatchName(string system) => $"{system}, Full, batch of {Batch}";

    private void Enter(long images)
    {
        var imageIds = Images.Shuffled(images, Distinct);
        foreach (var durability in Enum.GetValues<Durability>())
        {
            EnterStore(images, imageIds, durability);
            EnterRaw(images, imageIds, durability);
        }

        EnterBatches(images, imageIds);
        if (images <= BenchmarkEffort.LargestFlatFile)
        {
            EnterFlatFile(images, imageIds, durable: false);
            EnterFlatFile(images, imageIds, durable: true);
        }
    }

    private void EnterStore(long images, string[] imageIds, Durability durability)
    {
        var path = CopyOf(_session.Templates.Database(images));
        var time = new BenchmarkTime();
        var store = Keep(StoreAt.Open(path, durability, time));
        _contenders.Add(new Contender(Name(Store, durability), images, n =>
        {
            time.PassSecond();
            store.RecordUse(imageIds[n % Distinct]);
        }));
        _files[images] = (path, "");
    }

    private void EnterRaw(long images, string[] imageIds, Durability durability)
    {
        var raw = Keep(RawSqlite.Open(CopyOf(_session.Templates.Database(images)), durability));
        var time = new BenchmarkTime();
        _contenders.Add(new Contender(Name(Raw, durability), images, n =>
        {
            time.PassSecond();
            raw.Record(imageIds[n % Distinct], time);
        }));
    }

    private void EnterBatches(long images, string[] imageIds)
    {
        var batches = imageIds.Chunk(Batch).ToArray();
        var time = new BenchmarkTime();
        var store = Keep(StoreAt.Open(CopyOf(_session.Templates.Database(images)), Durability.Full, time));
        var raw = Keep(RawSqlite.Open(CopyOf(_session.Templates.Database(images)), Durability.Full));
        _contenders.Add(new Contender(BatchName(Store), images, n =>
        {
            time.PassSecond();
            store.RecordUse(batches[n % batches.Length]);
        })
        { MostPerBlock = 10 });
        _contenders.Add(new Contender(BatchName(Raw), images, n =>
        {
            time.PassSecond();
            raw.Record(batches[n % batches.Length], time);
        })
        { MostPerBlock = 10 });
    }

    private void EnterFlatFile(long images, string[] imageIds, bool durable)
    {
        var path = CopyOf(_session.Templates.FlatFile(images));
        var time = new BenchmarkTime();
        var file = new EdgeFlatFile(path, durable);
        _contenders.Add(new Contender(Name(durable), images, n =>
        {
            time.PassSecond();
            file.Record(imageIds[n % Distinct], time.Now);
        })
        { After = () => Disk.Settle(path) });
        _files[images] = (_files[images].Database, path);
    }

    private void EnterWriteAndSync()
    {
        const int page = 4096, pages = 1000;
        var file = Keep(File.OpenHandle(_session.NewPath(), FileMode.CreateNew, FileAccess.Write,
            preallocationSize: pages * page));
        var bytes = new byte[page];
        for (var i = 0; i < pages; i++)
            RandomAccess.Write(file, bytes, i * page);
        _contenders.Add(new Contender("write + fsync of 4 KB", 0, n =>
        {
            RandomAccess.Write(file, bytes, n % pages * page);
            RandomAccess.FlushToDisk(file);
        }));
    }

    private void Measure()
    {
        EnterWriteAndSync();
        _session.Say("warming up");
        var warmUp = TimeSpan.FromMilliseconds(BenchmarkSession.IsDebugBuild ? 20 : 300);
        Contest.WarmUp(_contenders, warmUp, _session.Cancel);
        _session.Say("measuring");
        Contest.Run(_contenders, _session.Effort.Rounds.Record, _session.Effort.Budget.Record, _session.Cancel);
        var sizes = _files.ToDictionary(file => file.Key, file => (
            Database: new FileInfo(file.Value.Database).Length,
            Log: new FileInfo(file.Value.Database + "-wal").Length,
            FlatFile: file.Value.FlatFile.Length > 0 ? new FileInfo(file.Value.FlatFile).Length : 0));
        RecordReport.Write(_session.Report, _contenders, sizes);
    }

    private T Keep<T>(T open) where T : IDisposable
    {
        _open.Add(open);
        return open;
    }

    private string CopyOf(string template)
    {
        _paths.Add(_session.Copy(template));
        return _paths[^1];
    }

    public void Dispose()
    {
        _open.ForEach(open => open.Dispose());
        _paths.ForEach(Disk.Delete);
    }
}
