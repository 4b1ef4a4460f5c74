namespace ImageGc.Benchmarks;

/// <summary>How much to measure.</summary>
/// <param name="Name">As on the command line.</param>
/// <param name="Sizes">Numbers of tracked images.</param>
/// <param name="Rounds">How often the contenders take turns at most, for records and for everything else.</param>
/// <param name="Budget">What one contender may take for all its rounds, for records and for everything else.</param>
/// <param name="EveryPruneUpTo">Larger sizes are pruned only with 1% expired and 100 in use.</param>
/// <param name="Processes">How many fresh processes of each kind.</param>
/// <param name="Writing">How long many writers write.</param>
internal sealed record BenchmarkEffort(
    string Name,
    long[] Sizes,
    (int Record, int Other) Rounds,
    (TimeSpan Record, TimeSpan Other) Budget,
    long EveryPruneUpTo,
    int Processes,
    TimeSpan Writing)
{
    /// <summary>The flat file is not measured with more images, because it would need gigabytes of memory.</summary>
    public const long LargestFlatFile = 1_000_000;

    public static BenchmarkEffort Smoke { get; } = new(
        "smoke", [10, 1_000], (4, 2), (TimeSpan.FromSeconds(0.2), TimeSpan.FromSeconds(0.2)),
        0, 1, TimeSpan.FromSeconds(0.1));

    public static BenchmarkEffort Short { get; } = new(
        "short", [10, 100, 1_000, 100_000, 1_000_000], (60, 30), (TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(2)),
        1_000, 9, TimeSpan.FromSeconds(1.5));

    public static BenchmarkEffort Full { get; } = new(
        "full", [10, 100, 1_000, 100_000, 1_000_000], (400, 100), (TimeSpan.FromSeconds(20), TimeSpan.FromSeconds(20)),
        1_000_000, 31, TimeSpan.FromSeconds(10));

    public BenchmarkEffort With(long size) => this with { Sizes = [.. Sizes, size] };
}
