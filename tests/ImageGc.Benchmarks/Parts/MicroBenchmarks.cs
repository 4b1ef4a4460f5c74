using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Exporters;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using ImageGc.Benchmarks.Contenders;
using ImageGc.Sqlite;
using Perfolizer.Horology;

namespace ImageGc.Benchmarks.Parts;

/// <summary>
/// Operations on a thousand images with BenchmarkDotNet: what they allocate, and their time without a disk.
/// </summary>
[MemoryDiagnoser(displayGenColumns: false)]
[GroupBenchmarksBy(BenchmarkLogicalGroupRule.ByCategory)]
[CategoriesColumn]
[HideColumns("Job", "Error", "StdDev", "Alloc Ratio")]
public class MicroBenchmarks
{
    private const long Tracked = 1_000;
    private const int Batch = 50;

    private static BenchmarkSession? Running;

    private readonly BenchmarkTime _time = new();
    private readonly string[] _imageIds = Images.Shuffled(Tracked, 20 * Batch);
    private string _closed = "";
    private string[][] _batches = [];
    private ImageUseStore? _full;
    private ImageUseStore? _normal;
    private RawSqlite? _rawFull;
    private RawSqlite? _rawNormal;
    private int _next;

    internal static void Run(BenchmarkSession running)
    {
        Running = running;
        var log = new AccumulationLogger();
        var summary = BenchmarkRunner.Run<MicroBenchmarks>(Config(running));
        MarkdownExporter.GitHub.ExportToLog(summary, log);
        running.Report.Section(
            "BenchmarkDotNet",
            $"On {Tracked:N0} images, one after the other: the ratios above are surer. "
            + "`Allocated` counts the whole process.");
        running.Report.Paragraph(log.GetLog().Trim());
    }

    [GlobalSetup]
    public void SetUp()
    {
        _closed = Copy();
        _batches = [.. _imageIds.Chunk(Batch)];
        _full = StoreAt.Open(Copy(), Durability.Full, _time);
        _normal = StoreAt.Open(Copy(), Durability.Normal, _time);
        _rawFull = RawSqlite.Open(Copy(), Durability.Full);
        _rawNormal = RawSqlite.Open(Copy(), Durability.Normal);
    }

    [GlobalCleanup]
    public void CleanUp() =>
        Array.ForEach<IDisposable?>([_full, _normal, _rawFull, _rawNormal], open => open?.Dispose());

    [Benchmark(Description = "SQLite", Baseline = true)]
    [BenchmarkCategory("record, Full")]
    public void RawRecordFull() => _rawFull!.Record(NextImage(), _time);

    [Benchmark(Description = RecordComparison.Store)]
    [BenchmarkCategory("record, Full")]
    public void RecordFull() => _full!.RecordUse(NextImage());

    [Benchmark(Description = "SQLite", Baseline = true)]
    [BenchmarkCategory("record, Normal")]
    public void RawRecordNormal() => _rawNormal!.Record(NextImage(), _time);

    [Benchmark(Description = RecordComparison.Store)]
    [BenchmarkCategory("record, Normal")]
    public void RecordNormal() => _normal!.RecordUse(NextImage());

    [Benchmark(Description = "SQLite", Baseline = true)]
    [BenchmarkCategory("batch of 50, Normal")]
    public void RawBatchNormal() => _rawNormal!.Record(NextBatch(), _time);

    [Benchmark(Description = RecordComparison.Store)]
    [BenchmarkCategory("batch of 50, Normal")]
    public void BatchNormal() => _normal!.RecordUse(NextBatch());

    [Benchmark(Description = "SQLite", Baseline = true)]
    [BenchmarkCategory("open and close")]
    public void RawOpen() => RawSqlite.Open(_closed, Durability.Full, checks: true).Dispose();

    [Benchmark(Description = RecordComparison.Store)]
    [BenchmarkCategory("open and close")]
    public void Open() => StoreAt.Open(_closed, Durability.Full, _time).Dispose();

    private static string Copy() => Running!.Copy(Running.Templates.Database(Tracked));

    private static ManualConfig Config(BenchmarkSession session)
    {
        var job = Job.Default.WithToolchain(InProcessEmitToolchain.Instance);
        job = session.Effort == BenchmarkEffort.Smoke
            ? job.WithStrategy(BenchmarkDotNet.Engines.RunStrategy.ColdStart).WithIterationCount(1)
                .WithInvocationCount(16)
            : job.WithWarmupCount(3).WithIterationCount(session.Effort.Name == "full" ? 15 : 5)
                .WithIterationTime(TimeInterval.FromMilliseconds(150));
        return ManualConfig.CreateEmpty()
            .AddJob(job)
            .AddColumnProvider(DefaultColumnProviders.Instance)
            .AddLogger(NullLogger.Instance)
            .WithArtifactsPath(session.NewPath())
            .WithOptions(ConfigOptions.DisableLogFile | (BenchmarkSession.IsDebugBuild
                ? ConfigOptions.DisableOptimizationsValidator : 0));
    }

    private string NextImage()
    {
        _time.PassSecond();
        return _imageIds[_next++ % _imageIds.Length];
    }

    private string[] NextBatch()
    {
        _time.PassSecond();
        return _batches[_next++ % _batches.Length];
    }
}
