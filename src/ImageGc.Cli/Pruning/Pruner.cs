using System.Runtime.ExceptionServices;
using ImageGc.Cli.Output;
using ImageGc.Sqlite;

namespace ImageGc.Cli.Pruning;

/// <summary>The ways to prune, each with a verdict on every image.</summary>
internal sealed class PruneWork(ImageUseStore store, IReadOnlyCollection<string> inUse, TimeSpan threshold)
{
    public List<ImageVerdict> Foresee(RemovalCommand? command)
    {
        var verdicts = ImageVerdict.ExpiredFirst(store.ExplainPrune(inUse, threshold));
        return command is null ? verdicts : verdicts.ConvertAll(verdict =>
            verdict.Verdict == Verdict.Expired ? Foresee(verdict, command) : verdict);
    }

    /// <summary>
    /// Forgets what expired; reports whatever follows, because nobody else knows any more what it was.
    /// </summary>
    public void Forget(Action<Pruned> report)
    {
        var forgotten = store.Prune(inUse, threshold);
        Report(forgotten.Select(image => Gone(Verdict.Expired, image)), new PruneResult([], [], []), false, report);
    }

    /// <returns>Whether every command succeeded.</returns>
    public bool Remove(
        RemovalCommand command, Action<Pruned> report, Invocation invocation, CancellationToken interruption)
    {
        var expired = store.ExplainPrune(inUse, threshold).Count(verdict => verdict.Reason == PruneReason.Expired);
        var run = new CommandedPrune(store, command, invocation, expired);
        var result = run.Prune(inUse, threshold, interruption).GetAwaiter().GetResult();
        List<ImageVerdict> done =
        [
            .. result.Removed.Select(image => Gone(Verdict.Removed, image)),
            .. result.Failed.Select(failure =>
                Gone(Verdict.Failed, failure.Image) with { Failure = failure.Exception.Message }),
        ];
        if (run.StoppedBy is { } stoppedBy)
        {
            report(new Pruned(done, Others: null, Interrupted: false));
            ExceptionDispatchInfo.Throw(stoppedBy);
        }

        Report(done, result, run.Interrupted, report);
        return result.Failed.Count == 0;
    }

    private void Report(
        IEnumerable<ImageVerdict> done, PruneResult result, bool interrupted, Action<Pruned> report)
    {
        var pruned = new Pruned([.. done], Others: null, interrupted);
        try
        {
            pruned = pruned with { Others = [.. Others(result, interrupted)] };
        }
        finally
        {
            report(pruned);
        }
    }

    private static ImageVerdict Foresee(ImageVerdict verdict, RemovalCommand command)
    {
        try
        {
            return verdict with { Command = command.WordsFor(verdict.Image.ImageId) };
        }
        catch (CommandFailedException exception)
        {
            return verdict with { Failure = exception.Message };
        }
    }

    private ImageVerdict Gone(Verdict verdict, ImageUse image) => new(verdict, image, image.LastUsedAt + threshold);

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
