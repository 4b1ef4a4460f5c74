using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace ImageGc.Benchmarks.Reporting;

/// <summary>The report in Markdown, which ends with the goals and whether they were met.</summary>
internal sealed class Report(BenchmarkEffort effort, string directory)
{
    private readonly StringBuilder _markdown = new();
    private readonly List<string> _goals = [];

    /// <summary>The chart as SVG; null if records were not measured.</summary>
    public string? Chart { get; set; }

    public void Section(string title, string remark) =>
        _markdown.AppendLine(CultureInfo.InvariantCulture, $"## {title}\n\n{remark}\n");

    public void Paragraph(string text) => _markdown.AppendLine(text).AppendLine();

    /// <summary>Adds a table with aligned columns, which is readable on a terminal too.</summary>
    public void Table(string[] headers, IEnumerable<string[]> rows)
    {
        var all = rows.Prepend(headers).ToList();
        var widths = headers.Select((_, column) => all.Max(row => row[column].Length)).ToArray();
        all.Insert(1, [.. widths.Select((width, column) =>
            column == 0 ? new string('-', width) : new string('-', width - 1) + ":")]);
        foreach (var row in all)
        {
            var cells = row.Select((cell, column) =>
                column == 0 ? cell.PadRight(widths[column]) : cell.PadLeft(widths[column]));
            _markdown.AppendLine(CultureInfo.InvariantCulture, $"| {string.Join(" | ", cells)} |");
        }

        _markdown.AppendLine();
    }

    public void Goal(string goal, string measured, bool met) =>
        _goals.Add($"{goal} – {measured} – **{(met ? "met" : "missed")}**");

    /// <summary>Adds a goal for every size: each ratio must be within the limit.</summary>
    public void Goal(string goal, IEnumerable<Ratio> ratios, double limit)
    {
        var all = ratios.ToList();
        if (all.Count == 0)
            return;

        var worst = all.MaxBy(ratio => ratio.Median);
        var medians = string.Join(", ", all.Select(ratio => Ratio.Text(ratio.Median)));
        Goal(goal, all.Count == 1 ? $"{worst}" : $"{medians}; worst {worst}", worst.Median <= limit);
    }

    public void Save(string reportFile, string chartFile)
    {
        Finish(Path.GetRelativePath(Path.GetDirectoryName(Path.GetFullPath(reportFile))!, chartFile));
        Console.Out.Write(_markdown);
        Write(reportFile, _markdown.ToString());
        if (Chart is not null)
            Write(chartFile, Chart);
    }

    private void Finish(string chart)
    {
        if (_goals.Count > 0)
        {
            Section("Goals",
                "Ratios are medians over the rounds, in the order of the tables; the worst with its 95% "
                + "confidence interval.");
            foreach (var goal in _goals)
                _markdown.AppendLine(CultureInfo.InvariantCulture, $"- {goal}");
            _markdown.AppendLine();
        }

        _markdown.Insert(0, $"""
            # Benchmark ({effort.Name} run)

            {Machine()}


            """);
        if (Chart is not null)
            _markdown.AppendLine(CultureInfo.InvariantCulture,
                $"![Record latency against the number of images]({chart})");
    }

    private string Machine()
    {
        var processor = !OperatingSystem.IsLinux() ? null : File.ReadLines("/proc/cpuinfo")
            .FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal))?.Split(':')[1].Trim();
        processor ??= RuntimeInformation.ProcessArchitecture.ToString();
        return $"{Environment.ProcessorCount} cores ({processor}), "
            + $"{FileSystem()}, {RuntimeInformation.OSDescription}, {RuntimeInformation.FrameworkDescription}, "
            + $"SQLite {SQLitePCL.raw.sqlite3_libversion().utf8_to_string()}, "
            + DateTime.UtcNow.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);
    }

    private string FileSystem() => DriveInfo.GetDrives()
        .Where(drive => Path.GetFullPath(directory).StartsWith(drive.Name, StringComparison.Ordinal))
        .MaxBy(drive => drive.Name.Length)?.DriveFormat ?? "unknown file system";

    private static void Write(string path, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        File.WriteAllText(path, text);
        Console.Error.WriteLine($"Wrote {Path.GetFullPath(path)}");
    }
}
