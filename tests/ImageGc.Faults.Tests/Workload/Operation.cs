using ImageGc.Sqlite;

namespace ImageGc.Faults.Tests.Workload;

/// <summary>What a call returns, and the states that it goes through up to the one after the call.</summary>
internal sealed record Expected(string Returns, params IReadOnlyList<State> Steps);

/// <summary>A call of the store, and what the rules expect of it.</summary>
/// <param name="Do">Makes the call and returns its result as text.</param>
/// <param name="Expect">
/// The expected result, given the state before the call, the time of the call in Unix seconds, and the images that
/// count as in use because there was no room to record their use.
/// </param>
internal sealed record Operation(
    string Name, Func<Session, string> Do, Func<State, long, IReadOnlyCollection<string>, Expected> Expect)
{
    private const string Nothing = "";

    /// <summary>The uses that the next change also records if there was no room for this call.</summary>
    public IReadOnlyList<string> Uses { get; init; } = [];

    /// <summary>
    /// The states to which the next change may lead first if there was no room for this call, given the images that
    /// counted as in use. Null if the next change does not catch up on this call.
    /// </summary>
    public Func<State, long, IReadOnlyCollection<string>, IReadOnlyList<State>>? Later { get; init; }

    /// <summary>Whether it changes the database itself.</summary>
    public bool IsChange => this != Open && this != Reopen && this != Checkpoint && this != List;

    public static Operation Open { get; } = Unchanging("open", session => _ = session.Store);

    public static Operation Reopen { get; } = Unchanging("reopen", session =>
    {
        session.Close();
        _ = session.Store;
    });

    public static Operation Checkpoint { get; } = Unchanging("checkpoint", session => session.Checkpoint());

    public static Operation List { get; } = new(
        "list", session => State.Of(session.Store.List()).Text, (before, _, _) => new(before.Text, before));

    public static Operation Record(string imageId) => new(
        "record",
        session => Silent(() => session.Store.RecordUse(imageId)),
        (before, now, _) => new(Nothing, before.Recorded(now, imageId)))
    {
        Uses = [imageId],
    };

    public static Operation RecordAll(params IReadOnlyList<string> imageIds) => new(
        $"record {imageIds.Count}",
        session => Silent(() => session.Store.RecordUse(imageIds)),
        (before, now, _) => new(Nothing, before.Recorded(now, imageIds)))
    {
        Uses = imageIds,
    };

    public static Operation Forget(string imageId) => new(
        "forget",
        session => Silent(() => session.Store.Forget(imageId)),
        (before, _, _) => new(Nothing, before.Forgotten(imageId)));

    public static Operation Prune(TimeSpan threshold, params IReadOnlyList<string> inUse) => new(
        "prune",
        session => State.TextOf(session.Store.Prune(inUse, threshold)
            .OrderBy(image => image.LastUsedAt.ToUnixTimeSeconds())
            .ThenBy(image => image.ImageId, StringComparer.Ordinal)),
        (before, now, used) =>
        {
            var (after, returned) = before.Pruned(now, (long)threshold.TotalSeconds, [.. inUse, .. used]);
            return new(returned, after);
        });

    /// <summary>
    /// A prune that forgets each image after its removal. The removal fails for IDs that end in an even digit.
    /// </summary>
    public static Operation PruneWithRemoval(TimeSpan threshold, params IReadOnlyList<string> inUse) => new(
        "prune with removal",
        session => Silent(() => RemoveTheOddOnes(session.Store, threshold, inUse)),
        (before, now, used) =>
        {
            var (_, expired) = before.Pruned(now, (long)threshold.TotalSeconds, [.. inUse, .. used]);
            List<State> steps = [before.Restamped(now, inUse)];
            foreach (var use in expired.Split('\n', StringSplitOptions.RemoveEmptyEntries))
            {
                if (IsOdd(use.Split(' ')[0]))
                    steps.Add(steps[^1].Forgotten(use.Split(' ')[0]));
            }

            return new(Nothing, [.. steps]);
        })
    {
        Later = (before, now, used) =>
        {
            var (_, expired) = before.Pruned(now, (long)threshold.TotalSeconds, [.. inUse, .. used]);
            var removed = expired.Split('\n', StringSplitOptions.RemoveEmptyEntries)
                .Select(use => use.Split(' ')[0]).Where(IsOdd).ToList();
            State[] starts = [before, before.Restamped(now, inUse)]; // The prune may have written its beginning.
            return [.. starts.Select(
                start => removed.Aggregate(start, (state, imageId) => state.Forgotten(imageId)))];
        },
    };

    private static void RemoveTheOddOnes(ImageUseStore store, TimeSpan threshold, IReadOnlyList<string> inUse)
    {
        store.PruneAsync(
            inUse, (image, _) => IsOdd(image.ImageId) ? Task.CompletedTask : throw new IOException("in use after all"),
            threshold, CancellationToken.None).GetAwaiter().GetResult();
        if (store.ListNotRecorded().Count > 0)
            throw new ImageUseStoreException(StoreErrorReason.Full, store.DatabasePath, "Not recorded yet.");
    }

    private static bool IsOdd(string imageId) => Convert.ToInt32(imageId[^1..], 16) % 2 == 1;

    private static Operation Unchanging(string name, Action<Session> action) =>
        new(name, session => Silent(() => action(session)), (before, _, _) => new(Nothing, before));

    private static string Silent(Action action)
    {
        action();
        return Nothing;
    }
}
