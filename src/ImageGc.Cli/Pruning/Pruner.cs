using System.Runtime.ExceptionServices;
using ImageGc.Cli.Execution;
using ImageGc.Cli.Output;
using ImageGc.Sqlite;

namespace ImageGc.Cli.Pruning;

/// <summary>Prunes in each of the three ways, and reports a verdict on every image.</summary>
internal sealed class Pruner(ImageUseStore store, IReadOnlyCollection<string> inUse, TimeSpan threshold)
{
    public List<ImageVerdict> Preview(RemovalCommand? command)
    {
        var verdicts = ImageVerdict.ExpiredFirst(store.ExplainPrune(inUse, threshold));
        return command is null ? verdicts : verdicts.ConvertAll(verdict =>
            verdict.Verdict == Verdict.Expired ? Preview(verdict, command) : verdict);
    }

    /// <summary>
    /// Forgets what expired, and reports it even if a later step fails: no other record of it is left.
    /// </summary>
    public void Forget(Action<PruneOutcome> report)
    {
        var forgotten = store.Prune(inUse, threshold);
        Report(
            forgotten.Select(image => VerdictOn(Verdict.Expired, image)), new PruneResult([], [], []),
            interrupted: false, report);
    }

    /// <returns>Whether every command succeeded.</returns>
    public bool RemoveWith(
        RemovalCommand command, Action<PruneOutcome> report, CommandContext context,
        CancellationToken cancellationToken)
    {
        var expired = store.ExplainPrune(inUse, threshold).Count(verdict => verdict.Reason == PruneReason.Expired);
        var run = new PruneWithCommand(store, command, context, expired);
        var result = run.RunAsync(inUse, threshold, cancellationToken).GetAwaiter().GetResult();
        List<ImageVerdict> done =
        [
            .. result.Removed.Select(image => VerdictOn(Verdict.Removed, image)),
            .. result.Failed.Select(failure =>
                VerdictOn(Verdict.Failed, failure.Image) with { Failure = failure.Exception.Message }),
        ];
        if (run.StoppedBy is { } stoppedBy)
        {
            report(new PruneOutcome(done, Others: null, Interrupted: false));
            ExceptionDispatchInfo.Throw(stoppedBy);
        }

        Report(done, result, run.Interrupted, report);
        return result.Failed.Count == 0;
    }

    private void Report(
        IEnumerable<ImageVerdict> done, PruneResult result, bool interrupted, Action<PruneOutcome> report)
    {
        var outcome = new PruneOutcome([.. done], Others: null, interrupted);
        try
        {
            outcome = outcome with { Others = [.. Others(result, interrupted)] };
        }
        finally
        {
            report(outcome);
        }
    }

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

    private ImageVerdict VerdictOn(Verdict verdict, ImageUse image) =>
        new(verdict, image, image.LastUsedAt + threshold);

    private IEnumerable<ImageVerdict> Others(PruneResult result, bool interrupted)
    {
        var failed = result.Failed.Select(failure => failure.Image.ImageId).ToHashSet(StringComparer.Ordinal);
        var usedMeanwhile = result.UsedMeanwhile.Select(image => image.ImageId).ToHashSet(StringComparer.Ordinal);
        return store.ExplainPrune(inUse, threshold)
            .Where(verdict => !failed.Contains(verdict.Image.ImageId))
            .Select(ImageVerdict.Of)
            .Select(verdict => verdict switch
            {
                _ when usedMeanwhile.Contains(verdict.Image.ImageId) =>
                    verdict with { Verdict = Verdict.UsedMeanwhile },
                // It came of age after the prune decided, which kept it; the next one takes it.
                { Verdict: Verdict.Expired } when !interrupted => verdict with { Verdict = Verdict.UsedRecently },
                _ => verdict,
            })
            .OrderBy(verdict => verdict.Verdict != Verdict.Expired);
    }
}
