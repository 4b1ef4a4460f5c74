namespace ImageGc.Benchmarks;

/// <summary>Contenders that take turns, a block of operations each, in random order.</summary>
/// <remarks>
/// The speed of machines and disks changes from second to second, so ratios are taken within a round. A slow contender
/// takes part in as many rounds as its budget allows.
/// </remarks>
internal static class Contest
{
    public static void Run(IReadOnlyCollection<Contender> contenders, int rounds, TimeSpan budget,
        CancellationToken cancel)
    {
        var random = new Random(1);
        for (var round = 0; round < rounds; round++)
        {
            var order = contenders.Where(contender => contender.Spent <= budget * round / rounds).ToArray();
            random.Shuffle(order);
            foreach (var contender in order)
            {
                cancel.ThrowIfCancellationRequested();
                contender.RunBlock(round);
            }
        }
    }

    /// <summary>Compiles the code and fills the caches and the log: runs each for <paramref name="time"/>.</summary>
    public static void WarmUp(IEnumerable<Contender> contenders, TimeSpan time, CancellationToken cancel)
    {
        foreach (var contender in contenders)
        {
            while (contender.Spent < time)
            {
                cancel.ThrowIfCancellationRequested();
                contender.RunBlock(0);
            }

            contender.Reset();
        }
    }

    /// <summary>How many times as long <paramref name="contender"/> takes as <paramref name="baseline"/>.</summary>
    public static Ratio RatioOf(Contender contender, Contender baseline) => Ratio.Of(
        contender.Blocks.Keys.Intersect(baseline.Blocks.Keys).Select(round =>
            Statistics.Median(contender.Blocks[round]) / Statistics.Median(baseline.Blocks[round])));
}
