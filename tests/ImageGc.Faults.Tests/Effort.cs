using System.Globalization;

namespace ImageGc.Faults.Tests;

/// <summary>How much to try: IMAGEGC_FAULTS_FACTOR multiplies the effort of a normal run.</summary>
internal static class Effort
{
    private static readonly int Factor =
        int.TryParse(Environment.GetEnvironmentVariable("IMAGEGC_FAULTS_FACTOR"), CultureInfo.InvariantCulture,
            out var factor)
            ? Math.Max(1, factor)
            : 1;

    public static int Times(int normally) => normally * Factor;
}
