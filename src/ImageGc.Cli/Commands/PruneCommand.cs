using System.CommandLine;
using ImageGc.Cli.Input;
using ImageGc.Cli.Output;
using ImageGc.Sqlite;

namespace ImageGc.Cli.Commands;

internal sealed class PruneCommand : ToolCommand
{
    private readonly InUseOptions _inUse = new();
    private readonly Option<bool> _fullIds = ImageListing.FullIds();

    private readonly Option<bool> _dryRun = new("--dry-run")
    {
        Description = "Only show what would be forgotten; change nothing.",
    };

    private readonly Option<string> _import = new("--import")
    {
        Description = "First import this flat file of Azure IoT Edge, and leave it alone.",
        HelpName = "FILE",
    };

    public PruneCommand(GlobalOptions global)
        : base(
            global, "prune",
            "Forget the images that expired: not in use, and unused for longer than a threshold. Prints them, for you to "
            + "remove from the engine, and those that stay.",
            "imagegc prune --in-use-file in_use.txt --dry-run",
            "docker ps --all --quiet | xargs docker inspect --format '{{.Image}}' |",
            "    imagegc prune --in-use-file - --older-than 12h | grep ^expired | cut -f2")
    {
        _inUse.AddTo(this);
        Options.Add(_dryRun);
        Options.Add(_import);
        Options.Add(_fullIds);
        Validators.Add(given =>
        {
            if (given.GetValue(_dryRun) && given.GetResult(_import) is not null)
                given.AddError("--dry-run changes nothing, so it cannot --import. Run 'imagegc import FILE' first.");
        });
    }

    protected override int Run(Invocation invocation)
    {
        var ids = _inUse.Read(invocation);
        var flatFile = invocation.Get(_import);
        using var store = flatFile is null ? invocation.OpenExisting() : ImportCommand.OpenFor(flatFile, invocation);
        var import = flatFile is null ? null : ImportCommand.Import(store, flatFile, invocation);

        ShortenedIds.Refuse(ids, store.List());
        var threshold = _inUse.ThresholdOf(invocation);
        if (invocation.Get(_dryRun))
        {
            Report(invocation, ids, import, store.ExplainPrune(ids, threshold).ExpiredFirst());
            return ExitCode.Done;
        }

        List<PruneVerdict> verdicts = [.. Forget(store, ids, threshold)];
        try
        {
            verdicts.AddRange(Kept(store, ids, threshold));
        }
        finally
        {
            Report(invocation, ids, import, verdicts); // Nobody else knows any more what was forgotten.
        }

        return ExitCode.Done;
    }

    private static IEnumerable<PruneVerdict> Forget(
        ImageUseStore store, IReadOnlyCollection<string> ids, TimeSpan threshold) =>
        store.Prune(ids, threshold).Select(image =>
            new PruneVerdict(image, PruneReason.Expired, image.LastUsedAt + threshold));

    /// <summary>What comes of age after the prune decided was kept by it; the next one takes it.</summary>
    private static IEnumerable<PruneVerdict> Kept(
        ImageUseStore store, IReadOnlyCollection<string> ids, TimeSpan threshold) =>
        store.ExplainPrune(ids, threshold).Select(verdict =>
            verdict.Reason == PruneReason.Expired ? verdict with { Reason = PruneReason.UsedRecently } : verdict);

    private void Report(
        Invocation invocation, IReadOnlyCollection<string> ids, FlatFileImport? import, List<PruneVerdict> verdicts)
    {
        if (invocation.Json)
        {
            invocation.WriteJson(
                new JsonPrune(invocation.Get(_dryRun), import, verdicts.Select(JsonVerdict.Of)), JsonOutput.Default.JsonPrune);
            return;
        }

        if (verdicts.Count > 0)
            invocation.Write(new ImageListing(invocation.Shell.Time.GetUtcNow(), invocation.Get(_fullIds)).Of(verdicts));
        Summarize(invocation, ids, verdicts);
    }

    private void Summarize(Invocation invocation, IReadOnlyCollection<string> ids, List<PruneVerdict> verdicts)
    {
        var expired = verdicts.Count(verdict => verdict.Reason == PruneReason.Expired);
        var inUse = verdicts.Count(verdict => verdict.Reason == PruneReason.InUse);
        var stay = $"{verdicts.Count - expired} stay. IDs given as in use: {ids.Count}, never recorded: {ids.Count - inUse}.";
        if (invocation.Get(_dryRun))
        {
            invocation.Tell($"Dry run, nothing was changed: {Count(expired)} would be forgotten, {stay}");
            return;
        }

        invocation.Tell($"Forgot {Count(expired)} that expired, {stay}");
        invocation.Tell($"Look inside: sqlite3 {Quote(invocation.DatabasePath)} 'SELECT * FROM image_use_utc'");
    }

    private static string Count(int images) => images == 1 ? "1 image" : $"{images} images";

    private static string Quote(string path) =>
        path.All(c => char.IsAsciiLetterOrDigit(c) || c is '/' or '.' or '_' or '-')
            ? path
            : $"'{path.Replace("'", "'\\''", StringComparison.Ordinal)}'";
}
