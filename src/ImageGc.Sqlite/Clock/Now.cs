namespace ImageGc.Sqlite;

/// <summary>A moment as the database has it: in which boot, how long that ran, and what its wall clock says.</summary>
/// <remarks>Milliseconds; wall times are Unix time.</remarks>
/// <param name="Boot">The number of the boot, or <see cref="NotInDatabase"/>.</param>
/// <param name="RanBefore">How long the device ran in all boots before, as far as it was seen.</param>
/// <param name="BeganAt">The wall time at which the boot began, by its clock as it is now.</param>
/// <param name="ClockSetAt">How long the boot had run when its clock was last set or first seen.</param>
/// <param name="SinceBoot">How long the boot runs.</param>
/// <param name="SetBy">By how much the wall clock was set since the boot was last written.</param>
internal readonly record struct Now(
    long Boot, long RanBefore, long BeganAt, long ClockSetAt, long SinceBoot, long SetBy)
{
    /// <summary>The number of a boot in which nothing was written yet, so that no use belongs to it.</summary>
    public const long NotInDatabase = -1;

    /// <summary>
    /// 2015, before there was any edge runtime, in Unix milliseconds: an earlier time shows a wrong clock.
    /// </summary>
    public const long EarliestPlausible = 1_420_070_400_000;

    /// <summary>The running time of the device.</summary>
    public long Ran => RanBefore + SinceBoot;

    public long Wall => BeganAt + SinceBoot;

    /// <summary>A wall time before this one or after <see cref="Wall"/> is wrong.</summary>
    public long Earliest => Wall >= EarliestPlausible ? EarliestPlausible : 0;

    /// <summary>The time of the wall in whole seconds, as the history has it.</summary>
    public long WallSeconds => Math.Clamp(Wall / 1000, 0, UnixTime.LatestSecond);
}
