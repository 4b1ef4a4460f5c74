using System.Globalization;
using ImageGc.Hosting;
using ImageGc.Sqlite;
using Spectre.Console;

namespace ImageGc.Cli.Output;

/// <summary>The status of the device: lines with a name and a value.</summary>
internal static class StatusTable
{
    /// <summary>The settings that are always shown. Others are shown if they differ from the default.</summary>
    private static readonly string[] Always =
    [
        nameof(ImageGarbageCollectionOptions.ImageAgeCleanupThreshold),
        nameof(ImageGarbageCollectionOptions.CleanupTime), nameof(ImageGarbageCollectionOptions.CleanupRecurrence),
    ];

    public static OutputTable Of(DeviceStatus status, string databasePath)
    {
        var table = new OutputTable("", OutputTable.WhyColumn) { ShowHeaders = false };
        foreach (var fault in status.Faults.DefaultIfEmpty("all is well"))
            table.Add(new("state"), new(fault, Color: status.Faults.Count > 0 ? Color.Red : Color.Green));
        table.Add(new("daemon"), new(status.Daemon));
        table.Add(new("last-run"), LastRun(status));
        table.Add(new("next-run"), status.IsRunning ? At(status.Host?.NextRunAt, status.Now) : new("-"));
        table.Add(new("last-problem"), LastProblem(status));
        table.Add(new("settings"), new(SettingsOf(status)));
        table.Add(new("engine"), new(status.Engine.Engine));
        table.Add(new("tracked"), Number(status.Tracked));
        table.Add(new("untracked"), Number(status.Engine.Untracked));
        table.Add(new("in-use"), Number(status.Count(Verdict.InUse)));
        table.Add(new("kept"), Number(status.Count(Verdict.Kept)));
        table.Add(new("expired"), Number(status.Count(Verdict.Expired)));
        table.Add(new("image-bytes"), Bytes(status.Engine.ImageBytes));
        table.Add(new("expired-bytes"), Bytes(status.BytesOf(Verdict.Expired)));
        table.Add(new("disk"), new(Disk(status)));
        table.Add(new("database"), new(databasePath));
        return table;
    }

    private static string Disk(DeviceStatus status) => status.Engine.Disk is not { } disk ? "-"
        : status.Options is { Enabled: true, HighThreshold: { } high } && high.IsReachedBy(disk)
            ? $"{disk}; HighThreshold is {high}: unused images are removed early"
        : disk.ToString();

    private static string SettingsOf(DeviceStatus status)
    {
        // For `imagegc run` this is the default, so it is not shown.
        var defaults = new ImageGarbageCollectionOptions { WatchContainers = true }.ToSettings();
        var shown = status.Options.ToSettings()
            .Where(setting => Always.Contains(setting.Key) || defaults.GetValueOrDefault(setting.Key) != setting.Value)
            .OrderBy(setting => Array.IndexOf(Always, setting.Key) is >= 0 and var place ? place : Always.Length)
            .Select(setting => $"{setting.Key} {setting.Value}");
        return $"{string.Join(", ", shown)} (from {status.Settings.Source})";
    }

    private static Cell LastRun(DeviceStatus status)
    {
        if (status.LastRun is not { } run)
            return new("none", "none so far");
        var freed = run.FreedBytes is { } bytes ? $", freed {SizeText.Format(bytes)}" : "";
        var outcome = string.Create(
            CultureInfo.InvariantCulture,
            $"removed {run.Removed} of {run.Tracked}, {run.Failed} failed{freed}{Why(run.Kind)}");
        return new(
            $"{TimeFormat.Iso(run.PrunedAt)} {outcome}",
            $"{TimeFormat.Short(run.PrunedAt)} UTC, {TimeFormat.Relative(run.PrunedAt, status.Now)}: {outcome}");
    }

    private static string Why(PruneKind kind) => kind switch
    {
        PruneKind.DiskPressure => ", because the disk was full",
        PruneKind.Manual => ", by hand",
        _ => "",
    };

    private static Cell LastProblem(DeviceStatus status) => status.Host?.LastProblem is not { } problem
        ? new("none")
        : new(
            $"{TimeFormat.Iso(problem.Since)} {problem.Part}: {problem.Message}{WorksAgain(status, problem)}",
            $"{TimeFormat.Short(problem.Since)} UTC, {TimeFormat.Relative(problem.Since, status.Now)}, {problem.Part}: "
            + $"{problem.Message}{WorksAgain(status, problem)}");

    private static string WorksAgain(DeviceStatus status, HostProblem problem) =>
        status.Host?.Problems.Contains(problem) == true ? "" : " It works again.";

    private static Cell At(DateTimeOffset? moment, DateTimeOffset now) => moment is not { } at
        ? new("-", "unknown")
        : new(TimeFormat.Iso(at), $"{TimeFormat.Short(at)} UTC, {TimeFormat.Relative(at, now)}");

    private static Cell Number(long? number) => number is { } known ? Cell.Of(known) : new("-");

    private static Cell Bytes(long? bytes) => bytes is { } known
        ? Cell.Of(known) with { Display = SizeText.Format(known) }
        : new("-");
}
