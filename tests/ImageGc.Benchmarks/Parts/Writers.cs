using System.Diagnostics;
using System.Globalization;
using ImageGc.Benchmarks.Contenders;
using ImageGc.Benchmarks.Reporting;
using ImageGc.Sqlite;

namespace ImageGc.Benchmarks.Parts;

/// <summary>Many writers at once: threads that share a store, and processes that share a file.</summary>
internal static class Writers
{
    private static readonly int[] Threads = [1, 8, 64];
    private const int Processes = 4;
    private const long Tracked = 1_000;

    public static void Run(BenchmarkSession session)
    {
        var results = new List<WritersResult>();
        foreach (var durability in Enum.GetValues<Durability>())
        {
            results.AddRange(Threads.Select(threads => WithThreads(session, durability, threads)));
            results.Add(WithProcesses(session, durability));
        }

        Report(session.Report, results);
    }

    private static void Report(Report report, List<WritersResult> results)
    {
        report.Section("Many writers", $"At once, on {Tracked:N0} images.");
        report.Table(
            ["writers", "durability", "records/s", "p50", "p99", "p99.9", "longest", "slowest writer's share",
                "errors"],
            results.Select(result => (string[])[
                result.Writers, $"{result.Durability}", Text.Count((long)result.PerSecond),
                .. ((double[])[50, 99, 99.9, 100])
                    .Select(percent => Text.Time(Statistics.Percentile(result.Sorted, percent))),
                $"{result.SlowestShare:P0}", $"{result.Errors}"]));
        var errors = results.Sum(result => result.Errors);
        report.Goal("no errors with many writers", $"{errors}", errors == 0);
    }

    private static WritersResult WithThreads(BenchmarkSession session, Durability durability, int threads)
    {
        session.Cancel.ThrowIfCancellationRequested();
        var path = session.Copy(session.Templates.Database(Tracked));
        var writers = new Written[threads];
        var time = new WritersTime(0);
        using (var store = StoreAt.Open(path, durability, time))
        using (var together = new Barrier(threads))
        {
            var running = Enumerable.Range(0, threads).Select(writer => new Thread(() =>
            {
                together.SignalAndWait();
                writers[writer] = Write(store, time, session.Effort.Writing);
            })).ToList();
            running.ForEach(thread => thread.Start());
            running.ForEach(thread => thread.Join());
        }

        Disk.Delete(path);
        return WritersResult.Of(threads == 1
            ? "1 thread" : $"{threads} threads", durability, session.Effort.Writing, writers);
    }

    private static WritersResult WithProcesses(BenchmarkSession session, Durability durability)
    {
        session.Cancel.ThrowIfCancellationRequested();
        var path = session.Copy(session.Templates.Database(Tracked));
        var children = Enumerable.Range(0, Processes).Select(writer => Child.Start(
            "write", path, $"{durability}", session.Effort.Writing.TotalSeconds.ToString(CultureInfo.InvariantCulture),
            $"{writer}")).ToList();
        children.ForEach(child => child.StandardOutput.ReadLine()); // Each child prints "ready".
        children.ForEach(child => child.StandardInput.WriteLine());
        var outputs = children.ConvertAll(child => Task.Run(() => Child.ReadToEnd(child)));
        var writers = outputs.ConvertAll(output => Parse(output.GetAwaiter().GetResult()));
        children.ForEach(child => child.Dispose());
        Disk.Delete(path);
        return WritersResult.Of($"{Processes} processes", durability, session.Effort.Writing, writers);
    }

    /// <summary>
    /// Runs in one of the processes: prints "ready", waits for a line, writes, and prints the time of each record.
    /// </summary>
    public static string RunChild(string path, Durability durability, double seconds, int process)
    {
        var time = new WritersTime(process);
        using var store = StoreAt.Open(path, durability, time);
        Console.Out.WriteLine("ready");
        Console.In.ReadLine();
        var (microseconds, errors) = Write(store, time, TimeSpan.FromSeconds(seconds));
        return string.Create(CultureInfo.InvariantCulture, $"{errors} {string.Join(' ', microseconds)}");
    }

    private static Written Parse(string output)
    {
        double[] numbers = [.. output.Split(' ').Select(number => double.Parse(number, CultureInfo.InvariantCulture))];
        return new Written([.. numbers.Skip(1)], (int)numbers[0]);
    }

    private static Written Write(ImageUseStore store, WritersTime time, TimeSpan howLong)
    {
        var imageIds = Images.Shuffled(Tracked, (int)Tracked);
        var (microseconds, errors) = (new List<double>(1 << 16), 0);
        var since = Stopwatch.GetTimestamp();
        for (var n = 0; Stopwatch.GetElapsedTime(since) < howLong; n++)
        {
            time.PassSecond();
            var start = Stopwatch.GetTimestamp();
            try
            {
                store.RecordUse(imageIds[n % imageIds.Length]);
                microseconds.Add(Stopwatch.GetElapsedTime(start).TotalMicroseconds);
            }
            catch (ImageUseStoreException)
            {
                errors++;
            }
        }

        return new Written(microseconds, errors);
    }
}

internal readonly record struct Written(List<double> Microseconds, int Errors);

/// <param name="SlowestShare">The records of the slowest writer, as a share of the average writer's.</param>
internal sealed record WritersResult(
    string Writers, Durability Durability, double PerSecond, double[] Sorted, double SlowestShare, int Errors)
{
    public static WritersResult Of(string name, Durability durability, TimeSpan time,
        IReadOnlyCollection<Written> writers)
    {
        double[] sorted = [.. writers.SelectMany(writer => writer.Microseconds).Order()];
        return new WritersResult(
            name,
            durability,
            sorted.Length / time.TotalSeconds,
            sorted,
            writers.Min(writer => writer.Microseconds.Count) * writers.Count / (double)Math.Max(1, sorted.Length),
            writers.Sum(writer => writer.Errors));
    }
}
