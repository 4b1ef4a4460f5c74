namespace ImageGc.Sqlite.Tests;

/// <summary>Prunes with a threshold, the option that most tests set.</summary>
internal static class PruneExtensions
{
    public static IReadOnlyList<ImageUse> Prune(
        this ImageUseStore store, IEnumerable<string> inUse, TimeSpan? threshold) =>
        store.Prune(inUse, new PruneOptions { Threshold = threshold });

    public static IReadOnlyList<PruneVerdict> ExplainPrune(
        this ImageUseStore store, IEnumerable<string> inUse, TimeSpan? threshold) =>
        store.ExplainPrune(inUse, new PruneOptions { Threshold = threshold });

    public static Task<PruneResult> PruneAsync(
        this ImageUseStore store, IEnumerable<string> inUse, Func<ImageUse, CancellationToken, Task> removeImage,
        TimeSpan? threshold, CancellationToken cancellationToken) =>
        store.PruneAsync(inUse, removeImage, new PruneOptions { Threshold = threshold }, cancellationToken);

    public static Task<PruneResult> PruneAsync(
        this ImageUseStore store, IEnumerable<string> inUse, Func<ImageUse, CancellationToken, Task> removeImage,
        CancellationToken cancellationToken) =>
        store.PruneAsync(inUse, removeImage, options: null, cancellationToken);
}
