using Dapper;

namespace ImageGc.Sqlite;

/// <remarks>The rules that decide which images expire.</remarks>
public sealed partial class ImageUseStore
{
    /// <summary>
    /// The wall time of a use in Unix milliseconds. In the current boot it follows the clock as it is now, which may
    /// have been set since the last write.
    /// </summary>
    private const string LastUsedAt =
        "CASE image_use.boot WHEN @boot THEN @beganAt ELSE boot.began_at END - boot.ran_before + image_use.ran_at";

    /// <summary>
    /// Every use with its boot. `last_used_at` is its wall time. `plausible` says whether its time can be true.
    /// `settled` says whether its boot's clock was trusted in the end
    /// (<see cref="ImageUseStoreOptions.ClockSettleTime"/>); for the current boot, `@settlesIn` decides that.
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
    /// Milliseconds until the image expires if it is not used again; zero or less if it has expired. Whichever of two
    /// ages reaches the threshold first decides. The proven age is how long the device has run since the use; uses of
    /// boot 0 have none. The wall age counts only while the clocks of the use and of now are settled.
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
    /// Selects uses that cannot be true: an implausible wall time, a running time in the future, or a boot without a
    /// row. They count as used now, and a prune rewrites them so. It rewrites an implausible wall time only once the
    /// clock has settled, because until then that clock may be the wrong one.
    /// </summary>
    private const string MustBeRewritten = """
        (boot = 0 AND ran_at NOT BETWEEN @earliest AND @wall AND @settlesIn <= 0
            OR boot <> 0 AND ran_at > @latestRan
            OR boot NOT IN (SELECT boot FROM boot))
        """;

    /// <summary>The parameters of the rules, in milliseconds unless their names say otherwise.</summary>
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
        /// <summary>The ID of the prune in the history.</summary>
        [DbValue(Name = "run")]
        public long Run { get; init; }

        [DbValue(Name = "wallSeconds")]
        public long WallSeconds { get; init; }

        /// <summary>
        /// A row can be ahead of now: its process read the clock a moment later, and uses in the same millisecond add
        /// one each.
        /// </summary>
        private const long RunningTimeTolerance = 1000;

        /// <summary>Longer than any calendar; a quarter of the range, so that sums do not overflow.</summary>
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
