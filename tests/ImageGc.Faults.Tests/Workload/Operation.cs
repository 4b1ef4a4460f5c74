using ImageGc.Sqlite;

namespace ImageGc.Faults.Tests.Workload;

/// <summary>What a call returns and the states that it goes through; the last one holds when it returned.</summary>
internal sealed record Expected(string Returns, params IReadOnlyList<State> Steps);

/// <summary>A call of the store, and what the rules say about it.</summary>
/// <param name="Do">Makes the call and says what it returned.</param>
/// <param name="Expect">
/// What must come of it, from the state before it and the Unix seconds at which it is made.
/// </param>
internal sealed record Operation(string Name, Func<Session, string> Do, Func<State, long, Expected> Expect)
{
    private const string Nothing = "";

    public static Operation Open { get; } = Unchanging("open", session => _ = session.Store);

    public static Operation Reopen { get; } = Unchanging("reopen", session =>
    {
        session.Close();
        _ = session.Store;
    });

    public static Operation Checkpoint { get; } = Unchanging("checkpoint", session => session.Checkpoint());

    public static Operation List { get; } = new(
        "list", session => State.Of(session.Store.List()).Text, (before, _) => new(before.Text, before));

    public static Operation Record(string imageId) => new(
        "record",
        session => Silent(() => session.Store.RecordUse(imageId)),
        (before, now) => new(Nothing, before.Recorded(now, imageId)));

    public static Operation RecordAll(params IReadOnlyList<string> imageIds) => new(
        $"record {imageIds.Count}",
        session => Silent(() => session.Store.RecordUse(imageIds)),
        (before, now) => new(Nothing, before.Recorded(now, imageIds)));

    public static Operation Forget(string imageId) => new(
        "forget",
        session => Silent(() => session.Store.Forget(imageId)),
        (before, _) => new(Nothing, before.Forgotten(imageId)));

    public static Operation Prune(TimeSpan threshold, params IReadOnlyList<string> inUse) => new(
        "prune",
        session => State.TextOf(session.Store.Prune(inUse, threshold)),
        (before, now) =>
        {
            var (after, returned) = before.Pruned(now, (long)threshold.TotalSeconds, inUse);
            return new(returned, after);
        });

    /// <summary>
    /// A prune that forgets image by image, each after its removal, which fails for IDs that end in an even digit.
    /// </summary>
    public static Operation PruneWithRemoval(TimeSpan threshold, params IReadOnlyList<string> inUse) => new(
        "prune with removal",
        session => Silent(() => RemoveTheOddOnes(session.Store, threshold, inUse)),
        (before, now) =>
        {
            var (_, expired) = before.Pruned(now, (long)threshold.TotalSeconds, inUse);
            List<State> steps = [before.Restamped(now, inUse)];
            foreach (var use in expired.Split('\n', StringSplitOptions.RemoveEmptyEntries))
            {
                if (IsOdd(use.Split(' ')[0]))
                    steps.Add(steps[^1].Forgotten(use.Split(' ')[0]));
            }

            return new(Nothing, [.. steps]);
        });

    private static void RemoveTheOddOnes(ImageUseStore store, TimeSpan threshold, IReadOnlyList<string> inUse) =>
        store.PruneAsync(
            inUse, (image, _) => IsOdd(image.ImageId) ? Task.CompletedTask : throw new IOException("in use after all"),
            threshold, CancellationToken.None).GetAwaiter().GetResult();

    private static bool IsOdd(string imageId) => Convert.ToInt32(imageId[^1..], 16) % 2 == 1;

    private static Operation Unchanging(string name, Action<Session> action) =>
        new(name, session => Silent(() => action(session)), (before, _) => new(Nothing, before));

    private static string Silent(Action action)
    {
        action();
        return Nothing;
    }
}
