using ImageGc.Cli.Output;
using ImageGc.Sqlite;
using Spectre.Console;

namespace ImageGc.Cli.Commands;

internal sealed class CheckCommand(GlobalOptions global) : ToolCommand(
    global, "check", "Read the whole database and report its state; fails if it is damaged and could not be salvaged.",
    "imagegc check --db /var/lib/aziot/edged/image_use.db")
{
    protected override int Run(Invocation invocation)
    {
        using var store = invocation.OpenExisting();
        var check = store.Check();
        var lastPrune = check.Damage.Count == 0 ? store.LastPrune() : null; // Damage may be where the history is.
        if (invocation.Json)
            invocation.WriteJson(JsonCheck.Of(check, lastPrune), JsonOutput.Default.JsonCheck);
        else
            invocation.Write(ListingOf(check, lastPrune, invocation.Shell.Time.GetUtcNow()));
        return check.Damage.Count == 0 ? ExitCode.Done : ExitCode.Failed;
    }

    private static Listing ListingOf(StoreCheck check, PruneRun? lastPrune, DateTimeOffset now)
    {
        var listing = new Listing("", "") { Full = true };
        listing.Add(new("database"), new(check.DatabasePath));
        listing.Add(new("images"), Cell.Of(check.TrackedImages));
        listing.Add(new("database-bytes"), Cell.Of(check.DatabaseBytes));
        listing.Add(new("log-bytes"), Cell.Of(check.LogBytes));
        listing.Add(new("schema-version"), Cell.Of(check.SchemaVersion));
        listing.Add(new("sqlite-version"), new(check.SqliteVersion));
        listing.Add(new("journal-mode"), new(check.JournalMode));
        if (check.Damage.Count == 0)
            listing.Add(new("last-prune"), LastPrune(lastPrune, now));
        if (lastPrune is not null)
        {
            listing.Add(new("last-prune-removed"), Cell.Of(lastPrune.Removed));
            listing.Add(new("last-prune-failed"), Cell.Of(lastPrune.Failed));
        }

        foreach (var damage in check.Damage.DefaultIfEmpty("none"))
            listing.Add(new("damage"), new(damage, Color: check.Damage.Count > 0 ? Color.Red : Color.Green));
        return listing;
    }

    private static Cell LastPrune(PruneRun? run, DateTimeOffset now) => run is null
        ? new("none", "none so far")
        : new(Moment.Iso(run.PrunedAt), $"{Moment.Short(run.PrunedAt)}, {Moment.Relative(run.PrunedAt, now)}");
}
