using Dapper;

namespace ImageGc.Sqlite;

/// <remarks>The rules that decide what expires.</remarks>
public sealed partial class ImageUseStore
{
    /// <summary>The wall time of a use, with a clock corrected that was set since anything was written.</summary>
    private const string LastUsedAt =
        "CASE image_use.boot WHEN @boot THEN @beganAt ELSE boot.began_at END - boot.ran_before + image_use.ran_at";

    /// <summary>
    /// Every use with its boot. `last_used_at` is its wall time, `plausible` whether that can be true, `settled`
    /// whether the clock it was read from had been left alone for long enough to be believed.
    /// </summary>
    private const string Uses = $"""
        (
            SELECT image_use.image_id,
                   image_use.boot,
                   image_use.ran_at,
                   {LastUsedAt} AS last_used_at,
                   image_use.boot = @boot OR boot.last_seen - boot.clock_set_at >= @settleTime AS settled,
                   CASE WHEN boot.boot IS NULL THEN 0
                        WHEN image_use.boot <> 0 THEN image_use.ran_at <= @latestRan
                        ELSE image_use.ran_at BETWEEN @earliest AND @wall END AS plausible
            FROM image_use
            LEFT JOIN boot ON boot.boot = image_use.boot
        ) AS use
        """;

    /// <summary>
    /// In how many milliseconds the image would expire if nobody used it; zero or less: it has. Of two ages the one
    /// that is old enough first decides. The proven age is how long the device ran since the use; the uses of boot 0
    /// have none. The age by the wall clock counts only while the clocks of the use and of now are settled.
    /// </summary>
    private const string ExpiresIn = """
        CASE WHEN NOT plausible THEN @threshold
             ELSE min(CASE WHEN boot = 0 THEN @never
                           ELSE @threshold - max(0, @ran - ran_at) END,
                      CASE WHEN settled AND last_used_at BETWEEN @earliest AND @wall
                           THEN max(@settlesIn, @threshold - (@wall - last_used_at))
                           ELSE @never END)
             END
        """;

    /// <summary>
    /// A use that cannot be true: an implausible wall time, a running time in the future, or a boot without a row. It
    /// counts as used now. It is rewritten, but an implausible wall time only once the clock has settled.
    /// </summary>
    private const string MustBeRewritten = """
        (boot = 0 AND ran_at NOT BETWEEN @earliest AND @wall AND @settlesIn <= 0
            OR boot <> 0 AND ran_at > @latestRan
            OR boot NOT IN (SELECT boot FROM boot))
        """;

    /// <summary>What the statements that decide ask for, all in milliseconds.</summary>
    internal sealed record DecisionParameters(
        [property: DbValue(Name = "boot")] long Boot,
        [property: DbValue(Name = "ran")] long Ran,
        [property: DbValue(Name = "latestRan")] long LatestRan,
        [property: DbValue(Name = "wall")] long Wall,
        [property: DbValue(Name = "beganAt")] long BeganAt,
        [property: DbValue(Name = "earliest")] long Earliest,
        [property: DbValue(Name = "threshold")] long Threshold,
        [property: DbValue(Name = "settleTime")] long SettleTime,
        [property: DbValue(Name = "settlesIn")] long SettlesIn,
        [property: DbValue(Name = "never")] long Never)
    {
        /// <summary>The prune that decides, in the history.</summary>
        [DbValue(Name = "run")]
        public long Run { get; init; }

        [DbValue(Name = "wallSeconds")]
        public long WallSeconds { get; init; }

        /// <summary>Others may be ahead by what it takes to read a clock, and each use is one of its own.</summary>
        private const long RunningTimeTolerance = 1000;

        /// <summary>Longer than any calendar has milliseconds.</summary>
        private const long Forever = long.MaxValue / 4;

        public static DecisionParameters Of(Now now, TimeSpan threshold, TimeSpan clockSettleTime)
        {
            var settleTime = UnixTime.Milliseconds(clockSettleTime);
            var settlesIn = settleTime - (now.SinceBoot - now.ClockSetAt);
            return new DecisionParameters(
                now.Boot, now.Ran, now.Ran + RunningTimeTolerance, now.Wall, now.BeganAt, now.Earliest,
                UnixTime.Milliseconds(threshold), settleTime, settlesIn > 0 ? settlesIn : -Forever, Forever)
            {
                WallSeconds = now.WallSeconds,
            };
        }
    }

    private DecisionParameters ParametersOf(Now now, TimeSpan threshold) =>
        DecisionParameters.Of(now, threshold, _clockSettleTime);
}
