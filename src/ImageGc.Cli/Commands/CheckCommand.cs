using System.Globalization;
using ImageGc.Cli.Diagnostics;
using ImageGc.Cli.Execution;
using ImageGc.Cli.Input;
using ImageGc.Cli.Output;
using ImageGc.Hosting;
using ImageGc.Sqlite;
using Spectre.Console;

namespace ImageGc.Cli.Commands;

internal sealed class CheckCommand(GlobalOptions global) : CommandBase(
    global, "check", "Check the whole database file and report its state. Fails if the file is damaged.",
    "imagegc check --db /var/lib/aziot/edged/image_use.db",
    "",
    "# problem: what fails in the daemon, or failed when it stopped.",
    "# implausible-times: how many images have a last use set by a wrong clock.",
    "# other-process: has the database open. Only root sees all processes.",
    "# kept-damaged: a damaged database, kept after its images were salvaged.")
{
    protected override int Run(CommandContext context)
    {
        using var store = Open(context);
        using var notice = context.NotifyIfSlow("Reading the whole database");
        var check = store.Check();
        var others = ProcessUsingDatabase.ListOthers(check.DatabasePath);
        var keptDamaged = FindKeptDamaged(check.DatabasePath);
        var problems = check.Damage.Count == 0 ? HostStatus.ReadFrom(store)?.Problems ?? [] : [];
        var lastPrune = check.Damage.Count == 0 ? store.LastPrune() : null; // The damage may be in the history.
        if (context.Json)
            context.WriteJson(
                JsonCheck.Of(check, lastPrune, problems, others, keptDamaged), JsonOutput.Default.JsonCheck);
        else
            context.WriteTable(TableOf(
                check, lastPrune, problems, others, keptDamaged, context.Environment.Time.GetUtcNow()));
        return check.Damage.Count == 0 ? ExitCode.Done : ExitCode.Failed;
    }

    /// <summary>Opens the database. If damage prevents that, --json still prints a document.</summary>
    private static ImageUseStore Open(CommandContext context)
    {
        try
        {
            return context.OpenReadOnly();
        }
        catch (ImageUseStoreException damaged) when (damaged.Reason == StoreErrorReason.Corrupt && context.Json)
        {
            context.WriteJson(
                JsonCheck.OfDamaged(damaged, FindKeptDamaged(damaged.DatabasePath)), JsonOutput.Default.JsonCheck);
            throw;
        }
    }

    private static OutputTable TableOf(
        StoreCheck check, PruneRun? lastPrune, IReadOnlyList<HostProblem> problems,
        IReadOnlyList<ProcessUsingDatabase> others, IReadOnlyList<string> keptDamaged, DateTimeOffset now)
    {
        var table = new OutputTable("", OutputTable.WhyColumn) { AllowWideLines = true, ShowHeaders = false };
        table.Add(new("database"), new(check.DatabasePath));
        table.Add(new("images"), Cell.Of(check.TrackedImages));
        table.Add(new("database-bytes"), Cell.Of(check.DatabaseBytes));
        table.Add(new("log-bytes"), Cell.Of(check.LogBytes));
        table.Add(new("schema-version"), Cell.Of(check.SchemaVersion));
        table.Add(new("sqlite-version"), new(check.SqliteVersion));
        table.Add(
            new("journal-mode"),
            new(check.JournalMode, check.JournalMode == "wal" ? "wal" : "none: no permission or space to write"));
        if (check.Damage.Count == 0)
            table.Add(new("last-prune"), LastPruneCell(lastPrune, now));
        if (lastPrune is not null)
        {
            table.Add(new("last-prune-removed"), Cell.Of(lastPrune.Removed));
            table.Add(new("last-prune-failed"), Cell.Of(lastPrune.Failed));
        }

        foreach (var problem in problems.Select(problem => ProblemCell(problem, now)).DefaultIfEmpty(new("none")))
            table.Add(new("problem"), problem);
        table.Add(new("implausible-times"), ImplausibleCell(check.ImplausibleTimes));
        foreach (var other in others.Select(ProcessCell).DefaultIfEmpty(new("none", "none that this user can see")))
            table.Add(new("other-process"), other);
        foreach (var kept in keptDamaged)
            table.Add(new("kept-damaged"), new(kept));
        foreach (var damage in check.Damage.DefaultIfEmpty("none"))
            table.Add(new("damage"), new(damage, Color: check.Damage.Count > 0 ? Color.Red : Color.Green));
        return table;
    }

    /// <summary>The damaged files that salvaging kept beside the database, if they still exist.</summary>
    private static List<string> FindKeptDamaged(string database)
    {
        var beginning = $"{Path.GetFileName(database)}.corrupt-";
        return [.. Directory.EnumerateFiles(Path.GetDirectoryName(database)!)
            .Where(file => Path.GetFileName(file).StartsWith(beginning, StringComparison.Ordinal))
            .Order(StringComparer.Ordinal)];
    }

    private static Cell ImplausibleCell(long times) => times == 0
        ? Cell.Of(0)
        : Cell.Of(times) with
        {
            Display = $"{times}, set by a wrong clock: a prune counts them as used now",
            Color = Color.Yellow,
        };

    private static Cell ProblemCell(HostProblem problem, DateTimeOffset now) => new(
        $"{problem.Part} since {TimeFormat.Iso(problem.Since)}: {problem.Message}",
        $"{problem.Part} since {TimeFormat.Short(problem.Since)}, {TimeFormat.Relative(problem.Since, now)}: "
        + problem.Message,
        Color: Color.Red);

    private static Cell ProcessCell(ProcessUsingDatabase other) =>
        new(string.Create(CultureInfo.InvariantCulture, $"{other.ProcessId} {other.Name}"));

    private static Cell LastPruneCell(PruneRun? run, DateTimeOffset now) => run is null
        ? new("none", "none so far")
        : new(
            TimeFormat.Iso(run.PrunedAt),
            $"{TimeFormat.Short(run.PrunedAt)}, {TimeFormat.Relative(run.PrunedAt, now)}");
}
