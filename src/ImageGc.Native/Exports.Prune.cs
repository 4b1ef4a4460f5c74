using System.Runtime.InteropServices;
using ImageGc.Sqlite;

namespace ImageGc.Native;

internal static unsafe partial class Exports
{
    /// <remarks>
    /// The outcomes are counted as they are reported, so that the counts are right even if the prune fails before its
    /// end. All callbacks run on this thread, because each removal returns a completed task.
    /// </remarks>
    [UnmanagedCallersOnly(EntryPoint = "imagegc_prune")]
    public static int Prune(
        ulong store, byte** inUse, nuint inUseCount, long thresholdSeconds,
        delegate* unmanaged<byte*, long, void*, int> remove, void* context, PruneCounts* counts) => Boundary.Call(() =>
    {
        var outcomes = new OutcomeCounter();
        if (counts is not null)
            *counts = default;
        try
        {
            Require(remove, "remove");
            var options = new PruneOptions { Threshold = Threshold(thresholdSeconds), Progress = outcomes };
            var inUseImageIds = Utf8Text.ReadAll(inUse, inUseCount, "in_use");
            OpenStores.Find(store).PruneAsync(inUseImageIds, (image, _) => Remove(image), options)
                .GetAwaiter().GetResult();
        }
        finally
        {
            if (counts is not null)
                *counts = outcomes.Counts;
        }

        Task Remove(ImageUse image) => Callback.Call(remove, image, context) is var answer and not 0
            ? Task.FromException(new IOException($"The callback returned {answer}."))
            : Task.CompletedTask;
    });

    [UnmanagedCallersOnly(EntryPoint = "imagegc_prune_list")]
    public static int PruneList(
        ulong store, byte** inUse, nuint inUseCount, long thresholdSeconds,
        delegate* unmanaged<byte*, long, void*, int> visit, void* context) => Boundary.Call(() =>
    {
        Require(visit, "visit");
        var options = new PruneOptions { Threshold = Threshold(thresholdSeconds) };
        var inUseImageIds = Utf8Text.ReadAll(inUse, inUseCount, "in_use");
        Callback.Visit(OpenStores.Find(store).Prune(inUseImageIds, options), visit, context);
    });

    [UnmanagedCallersOnly(EntryPoint = "imagegc_explain")]
    public static int Explain(
        ulong store, byte** inUse, nuint inUseCount, long thresholdSeconds,
        delegate* unmanaged<byte*, long, int, long, void*, int> visit, void* context) => Boundary.Call(() =>
    {
        Require(visit, "visit");
        var options = new PruneOptions { Threshold = Threshold(thresholdSeconds) };
        var inUseImageIds = Utf8Text.ReadAll(inUse, inUseCount, "in_use");
        Callback.Visit(OpenStores.Find(store).ExplainPrune(inUseImageIds, options), visit, context);
    });

    private static TimeSpan? Threshold(long seconds) => Duration.Seconds(seconds, "threshold_seconds");

    /// <summary>The structure imagegc_prune_counts.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct PruneCounts
    {
        public ulong Removed;
        public ulong Failed;
        public ulong UsedMeanwhile;
    }

    private sealed class OutcomeCounter : IProgress<PruneOutcome>
    {
        private PruneCounts _counts;

        public PruneCounts Counts => _counts;

        public void Report(PruneOutcome value)
        {
            switch (value.Result)
            {
                case RemovalResult.Removed:
                    _counts.Removed++;
                    break;
                case RemovalResult.Failed:
                    _counts.Failed++;
                    break;
                default:
                    _counts.UsedMeanwhile++;
                    break;
            }
        }
    }
}
