using System.Globalization;
using ImageGc.Cli.Output;
using ImageGc.Sqlite;
using Spectre.Console;

namespace ImageGc.Cli.Commands;

internal sealed class CheckCommand(GlobalOptions global) : ToolCommand(
    global, "check", "Read the whole database and report its state; fails if it is damaged.",
    "imagegc check --db /var/lib/aziot/edged/image_use.db")
{
    protected override int Run(Invocation invocation)
    {
        using var store = invocation.OpenExisting();
        var check = store.Check();
        if (invocation.Json)
            invocation.WriteJson(check, JsonOutput.Default.StoreCheck);
        else
            invocation.Write(ListingOf(check));
        return check.Damage.Count == 0 ? ExitCode.Done : ExitCode.Failed;
    }

    private static Listing ListingOf(StoreCheck check)
    {
        var listing = new Listing("", "") { Full = true };
        listing.Add(new("database"), new(check.DatabasePath));
        listing.Add(new("images"), Number(check.TrackedImages));
        listing.Add(new("database-bytes"), Number(check.DatabaseBytes));
        listing.Add(new("log-bytes"), Number(check.LogBytes));
        listing.Add(new("schema-version"), Number(check.SchemaVersion));
        listing.Add(new("sqlite-version"), new(check.SqliteVersion));
        listing.Add(new("journal-mode"), new(check.JournalMode));
        foreach (var damage in check.Damage.DefaultIfEmpty("none"))
            listing.Add(new("damage"), new(damage, Color: check.Damage.Count > 0 ? Color.Red : Color.Green));
        return listing;
    }

    private static Cell Number(long number) => new(number.ToString(CultureInfo.InvariantCulture));
}
