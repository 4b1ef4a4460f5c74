namespace ImageGc.Benchmarks;

/// <summary>
/// How many times as long one contender takes as another: the median over the rounds, with a confidence interval.
/// </summary>
/// <param name="Low">With 95% confidence the true median is not lower.</param>
/// <param name="High">With 95% confidence the true median is not higher.</param>
internal readonly record struct Ratio(double Median, double Low, double High)
{
    public static Ratio Of(IEnumerable<double> ratios)
    {
        double[] sorted = [.. ratios.Order()];

        // Order statistics: the number of values below the median is binomial.
        var reach = 0.98 * Math.Sqrt(sorted.Length);
        var low = (int)Math.Clamp(Math.Floor((sorted.Length / 2.0) - reach), 0, sorted.Length - 1);
        var high = sorted.Length - 1 - low;
        return new Ratio(Statistics.Percentile(sorted, 50), sorted[low], sorted[high]);
    }

    public override string ToString() => Low == High ? Text(Median) : $"{Text(Median)} ({Text(Low)}–{Text(High)})";

    public static string Text(double ratio) => ratio < 0.1 ? $"{ratio:0.0000}" : $"{ratio:0.00}";
}

internal static class Statistics
{
    /// <summary>The percentile by the nearest rank, which is always a measured value.</summary>
    public static double Percentile(double[] sorted, double percent) =>
        sorted[Math.Clamp((int)Math.Ceiling(sorted.Length * percent / 100) - 1, 0, sorted.Length - 1)];

    public static double Median(IEnumerable<double> values) => Percentile([.. values.Order()], 50);
}
