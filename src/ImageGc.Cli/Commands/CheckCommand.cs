using System.Globalization;
using ImageGc.Cli.Output;
using ImageGc.Sqlite;
using Spectre.Console;

namespace ImageGc.Cli.Commands;

internal sealed class CheckCommand(GlobalOptions global) : ToolCommand(
    global, "check", "Read the whole database and report its state; fails if it is damaged.",
    "imagegc check --db /var/lib/aziot/edged/image_use.db",
    "",
    "# implausible-times: later than now or before 2015; a prune takes them for now.",
    "# other-process: has the file open; only root sees those of every user.",
    "# kept-damaged: what salvaging kept; delete it once nobody needs it.")
{
    protected override int Run(Invocation invocation)
    {
        using var store = invocation.OpenReadOnly();
        using var patience = invocation.Patience("Reading the whole database");
        var check = store.Check();
        var others = OtherProcess.ThatHaveOpen(check.DatabasePath);
        var keptDamaged = KeptBeside(check.DatabasePath);
        var lastPrune = check.Damage.Count == 0 ? store.LastPrune() : null; // Damage may be where the history is.
        if (invocation.Json)
            invocation.WriteJson(JsonCheck.Of(check, lastPrune, others, keptDamaged), JsonOutput.Default.JsonCheck);
        else
            invocation.Write(ListingOf(check, lastPrune, others, keptDamaged, invocation.Shell.Time.GetUtcNow()));
        return check.Damage.Count == 0 ? ExitCode.Done : ExitCode.Failed;
    }

    private static Listing ListingOf(
        StoreCheck check, PruneRun? lastPrune, IReadOnlyList<OtherProcess> others, IReadOnlyList<string> keptDamaged,
        DateTimeOffset now)
    {
        var listing = new Listing("", "") { Full = true };
        listing.Add(new("database"), new(check.DatabasePath));
        listing.Add(new("images"), Cell.Of(check.TrackedImages));
        listing.Add(new("database-bytes"), Cell.Of(check.DatabaseBytes));
        listing.Add(new("log-bytes"), Cell.Of(check.LogBytes));
        listing.Add(new("schema-version"), Cell.Of(check.SchemaVersion));
        listing.Add(new("sqlite-version"), new(check.SqliteVersion));
        listing.Add(
            new("journal-mode"),
            new(check.JournalMode, check.JournalMode == "wal" ? "wal" : "none, for want of right or room to write"));
        if (check.Damage.Count == 0)
            listing.Add(new("last-prune"), LastPrune(lastPrune, now));
        if (lastPrune is not null)
        {
            listing.Add(new("last-prune-removed"), Cell.Of(lastPrune.Removed));
            listing.Add(new("last-prune-failed"), Cell.Of(lastPrune.Failed));
        }

        listing.Add(new("implausible-times"), Implausible(check.ImplausibleTimes));
        foreach (var other in others.Select(Shown).DefaultIfEmpty(new("none", "none that this user may see")))
            listing.Add(new("other-process"), other);
        foreach (var kept in keptDamaged)
            listing.Add(new("kept-damaged"), new(kept));
        foreach (var damage in check.Damage.DefaultIfEmpty("none"))
            listing.Add(new("damage"), new(damage, Color: check.Damage.Count > 0 ? Color.Red : Color.Green));
        return listing;
    }

    /// <summary>What salvaging the database kept of it, and nobody deleted since.</summary>
    private static List<string> KeptBeside(string database)
    {
        var beginning = $"{Path.GetFileName(database)}.corrupt-";
        return [.. Directory.EnumerateFiles(Path.GetDirectoryName(database)!)
            .Where(file => Path.GetFileName(file).StartsWith(beginning, StringComparison.Ordinal))
            .Order(StringComparer.Ordinal)];
    }

    private static Cell Implausible(long stamps) => stamps == 0
        ? Cell.Of(0)
        : Cell.Of(stamps) with
        {
            Shown = $"{stamps}, by a wrong clock: a prune counts them as used now",
            Color = Color.Yellow,
        };

    private static Cell Shown(OtherProcess other) =>
        new(string.Create(CultureInfo.InvariantCulture, $"{other.ProcessId} {other.Name}"));

    private static Cell LastPrune(PruneRun? run, DateTimeOffset now) => run is null
        ? new("none", "none so far")
        : new(Moment.Iso(run.PrunedAt), $"{Moment.Short(run.PrunedAt)}, {Moment.Relative(run.PrunedAt, now)}");
}
