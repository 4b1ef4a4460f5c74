using ImageGc.Cli.Execution;
using ImageGc.Cli.Output;
using ImageGc.Sqlite;

namespace ImageGc.Cli.Pruning;

/// <summary>Previews, forgets or removes, and has a verdict on every image even if the prune fails.</summary>
internal sealed class Pruner(ImageUseStore store, IReadOnlyCollection<string> inUse, TimeSpan threshold)
    : IProgress<PruneOutcome>
{
    private readonly Dictionary<string, ImageVerdict> _outcomes = new(StringComparer.Ordinal);
    private IReadOnlyList<PruneVerdict>? _decided;
    private int _expired;

    /// <summary>Returns what a prune would do, and with which commands.</summary>
    public List<ImageVerdict> Preview(RemovalCommand? command)
    {
        var verdicts = ImageVerdict.ExpiredFirst(store.ExplainPrune(inUse, Options()));
        return command is null ? verdicts : verdicts.ConvertAll(verdict =>
            verdict.Verdict == Verdict.Expired ? Preview(verdict, command) : verdict);
    }

    /// <summary>Forgets the expired images. Only its result and the history list them afterwards.</summary>
    public PruneSummary Forget()
    {
        store.Prune(inUse, Options());
        return Summarize(interrupted: false);
    }

    /// <summary>Runs the command for each expired image, and forgets those for which it succeeds.</summary>
    /// <exception cref="ImageUseStoreException">The database failed. What was done before is reported.</exception>
    public void RemoveWith(
        RemovalCommand command, CommandContext context, Action<PruneSummary> report,
        CancellationToken cancellationToken)
    {
        var interrupted = false;
        try
        {
            store.PruneAsync(inUse, RemoveAsync, Options(), cancellationToken).GetAwaiter().GetResult();
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            interrupted = true;
        }
        finally
        {
            if (_decided is not null) // Otherwise the prune failed before it decided anything.
                report(Summarize(interrupted));
        }

        // A signal does not cancel the running command. Ctrl-C still reaches it, because the terminal sends it to every
        // process in the foreground.
        async Task RemoveAsync(ImageUse image, CancellationToken _)
        {
            context.WriteProgress($"Removing {_outcomes.Count + 1} of {_expired}: {ImageId.Shorten(image.ImageId)}");
            var commandLine = command.CommandLineFor(image.ImageId);
            await new CommandRunner(context.Error).RunAsync(commandLine).ConfigureAwait(false);
            Report(new PruneOutcome(image, RemovalResult.Removed)); // It was removed, even if forgetting it fails.
        }
    }

    public void Report(PruneOutcome outcome)
    {
        if (outcome.Result == RemovalResult.UsedMeanwhile)
            // Shows the use that came meanwhile, not the one that the decision saw.
            outcome = outcome with { Image = store.Find(outcome.Image.ImageId) ?? outcome.Image };
        _outcomes[outcome.Image.ImageId] = ImageVerdict.Of(outcome, threshold);
    }

    private PruneOptions Options() => new()
    {
        Threshold = threshold,
        Kind = PruneKind.Manual,
        Decided = verdicts =>
            (_decided, _expired) = (verdicts, verdicts.Count(verdict => verdict.Reason == PruneReason.Expired)),
        Progress = this,
    };

    private PruneSummary Summarize(bool interrupted) => new(
        [
            .. _decided!
                .Select(decided => _outcomes.GetValueOrDefault(decided.Image.ImageId) ?? ImageVerdict.Of(decided))
                .OrderBy(verdict => Math.Min((int)verdict.Verdict, (int)Verdict.UsedMeanwhile)),
        ],
        interrupted,
        store.ListNotRecorded().Count);

    private static ImageVerdict Preview(ImageVerdict verdict, RemovalCommand command)
    {
        try
        {
            return verdict with { Command = command.CommandLineFor(verdict.Image.ImageId) };
        }
        catch (CommandFailedException exception)
        {
            return verdict with { Failure = exception.Message };
        }
    }
}
