using System.Diagnostics;
using System.Reflection;
using ImageGc.Benchmarks.Reporting;

namespace ImageGc.Benchmarks;

/// <summary>One run of the benchmark, with its report and its own directory, which is deleted at the end.</summary>
internal sealed class BenchmarkSession : IDisposable
{
    private readonly DirectoryInfo _directory;
    private readonly Stopwatch _since = Stopwatch.StartNew();
    private int _files;

    public BenchmarkSession(BenchmarkEffort effort, string directory, Report report, CancellationToken cancel)
    {
        Effort = effort;
        Report = report;
        Cancel = cancel;
        _directory = Directory.CreateDirectory(
            Path.Combine(Path.GetFullPath(directory), $"imagegc-benchmark-{Environment.ProcessId}"));
        Templates = new Templates(NewPath);
    }

    public static bool IsDebugBuild { get; } =
        typeof(BenchmarkSession).Assembly.GetCustomAttribute<DebuggableAttribute>()?.IsJITOptimizerDisabled == true;

    public BenchmarkEffort Effort { get; }

    public Report Report { get; }

    public CancellationToken Cancel { get; }

    public Templates Templates { get; }

    public string NewPath() => Path.Combine(_directory.FullName, $"{++_files}");

    /// <summary>Copies a template and syncs the copy, so that no measured fsync has to write it.</summary>
    public string Copy(string template)
    {
        Cancel.ThrowIfCancellationRequested();
        var path = NewPath();
        File.Copy(template, path);
        Disk.Sync(path);
        return path;
    }

    public void Say(string what) => Console.Error.WriteLine($"{_since.Elapsed:mm\\:ss}  {what}");

    public void Dispose() => _directory.Delete(recursive: true);
}
