namespace ImageGc.Faults.Tests.Workload;

/// <summary>The calls that the tests make: a short life of a device, including the creation of the database.</summary>
internal static class Workloads
{
    /// <summary>The time between two calls.</summary>
    public static readonly TimeSpan Step = TimeSpan.FromHours(6);

    private static readonly TimeSpan Threshold = 8 * Step;

    public static string Id(int number) => $"sha256:{number:x64}";

    /// <param name="rounds">
    /// Each has every kind of change, a checkpoint while the store is open, and a close followed by an open.
    /// </param>
    /// <param name="batch">How many images are recorded at once. 50 fill a page.</param>
    public static IEnumerable<Operation> Mixed(int rounds, int batch)
    {
        yield return Operation.Open;
        for (var round = 0; round < rounds; round++)
        {
            var first = round * 200;
            yield return Operation.Record(Id(first));
            yield return Operation.RecordAll([.. Enumerable.Range(first + 1, batch).Select(Id)]);
            yield return Operation.Record(Id(first + 1));
            yield return Operation.Checkpoint;
            yield return Operation.Record(Id(first + batch + 1));
            yield return Operation.Prune(Threshold, Id(first), Id(first + 2), Id(999_999));
            yield return Operation.Record(Id(first + 2));
            yield return Operation.RecordAll(Id(first + 191), Id(first + 192), Id(first + 193));
            yield return Operation.PruneWithRemoval(TimeSpan.Zero, [.. Enumerable.Range(0, first + 191).Select(Id)]);
            yield return Operation.Forget(Id(first + 3));
            yield return Operation.Reopen;
            yield return Operation.Record(Id(first + batch + 2));
            yield return Operation.Prune(TimeSpan.FromHours(round), Id(first), Id(first + 1));
        }
    }
}
