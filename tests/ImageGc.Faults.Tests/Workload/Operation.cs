using ImageGc.Sqlite;

namespace ImageGc.Faults.Tests.Workload;

/// <summary>What a call returns, and the states that it goes through up to the one after the call.</summary>
internal sealed record Expected(string Returns, params IReadOnlyList<Rules> Steps);

/// <summary>A call of the store, and what the rules expect of it.</summary>
/// <param name="Do">Makes the call and returns its result as text.</param>
/// <param name="Expect">
/// The expected result, given the state before the call, the moment of the call, and the images that
/// count as in use because there was no room to record their use.
/// </param>
internal sealed record Operation(
    string Name, Func<Session, string> Do, Func<Rules, Moment, IReadOnlyCollection<string>, Expected> Expect)
{
    private const string Nothing = "";

    /// <summary>The uses that the next change also records if there was no room for this call.</summary>
    public IReadOnlyList<string> Uses { get; init; } = [];

    /// <summary>
    /// The states to which the next change may lead first if there was no room for this call, given the images that
    /// counted as in use. Null if the next change does not catch up on this call.
    /// </summary>
    public Func<Rules, Moment, IReadOnlyCollection<string>, IReadOnlyList<Rules>>? Later { get; init; }

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
        "list", session => State.TextOf(session.Store.List()), (before, _, _) => new(State.TextOf(before), before));

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
        session => State.TextOf(session.Store.Prune(inUse, threshold)),
        (before, now, used) =>
        {
            var (after, expired) = before.Pruned(now, [.. inUse, .. used], threshold);
            return new(State.TextOf(expired), after);
        });

    /// <summary>
    /// A prune that forgets each image after its removal. The removal fails for IDs that end in an even digit.
    /// </summary>
    public static Operation PruneWithRemoval(TimeSpan threshold, params IReadOnlyList<string> inUse) => new(
        "prune with removal",
        session => Silent(() => RemoveTheOddOnes(session.Store, threshold, inUse)),
        (before, now, used) =>
        {
            var begun = before.InUseRecorded(now, inUse);
            var removals = begun.Removals(now, [.. inUse, .. used], threshold, IsEven);
            return new(Nothing, [begun, .. removals.Select(removal => removal.After)]);
        })
    {
        Later = (before, now, used) =>
        {
            var begun = before.InUseRecorded(now, inUse);
            var removed = begun.Removals(now, [.. inUse, .. used], threshold, IsEven)
                .Where(removal => removal.Result == RemovalResult.Removed).Select(removal => removal.ImageId)
                .ToList();
            return [before.Forgotten(removed), begun.Forgotten(removed)]; // The prune may have written its beginning.
        },
    };

    private static void RemoveTheOddOnes(ImageUseStore store, TimeSpan threshold, IReadOnlyList<string> inUse)
    {
        store.PruneAsync(
            inUse, (image, _) => IsEven(image.ImageId) ? throw new IOException("in use after all") : Task.CompletedTask,
            threshold, CancellationToken.None).GetAwaiter().GetResult();
        if (store.ListNotRecorded().Count > 0)
            throw new ImageUseStoreException(StoreErrorReason.Full, store.DatabasePath, "Not recorded yet.");
    }

    private static bool IsEven(string imageId) => Convert.ToInt32(imageId[^1..], 16) % 2 == 0;

    private static Operation Unchanging(string name, Action<Session> action) =>
        new(name, session => Silent(() => action(session)), (before, _, _) => new(Nothing, before));

    private static string Silent(Action action)
    {
        action();
        return Nothing;
    }
}
