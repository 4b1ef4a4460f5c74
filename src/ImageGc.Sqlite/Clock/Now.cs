namespace ImageGc.Sqlite;

/// <summary>A moment in terms of the database: the boot, how long it has run, and what its wall clock says.</summary>
/// <remarks>Milliseconds; wall times are Unix time.</remarks>
/// <param name="Boot">The number of the boot, or <see cref="NotInDatabase"/>.</param>
/// <param name="RanBefore">How long the device ran in all earlier boots, as far as it was seen.</param>
/// <param name="BeganAt">The wall time at which the boot began, according to its clock as it is now.</param>
/// <param name="ClockSetAt">How long the boot had run when its clock was last set or first seen.</param>
/// <param name="SinceBoot">How long the boot has run.</param>
/// <param name="SetBy">By how much the wall clock was set since the row of the boot was last written.</param>
internal readonly record struct Now(
    long Boot, long RanBefore, long BeganAt, long ClockSetAt, long SinceBoot, long SetBy)
{
    /// <summary>The number of a boot that has no row yet, so no use belongs to it.</summary>
    public const long NotInDatabase = -1;

    /// <summary>
    /// The beginning of 2015 in Unix milliseconds. No edge runtime existed before, so an earlier time is that of a
    /// wrong clock. <see cref="FlatFileImport.Implausible"/> says the year too.
    /// </summary>
    public const long EarliestPlausible = 1_420_070_400_000;

    /// <summary>The running time of the device: how long it has run in all boots.</summary>
    public long Ran => RanBefore + SinceBoot;

    public long Wall => BeganAt + SinceBoot;

    /// <summary>
    /// The earliest plausible wall time; <see cref="Wall"/> is the latest. A clock that is itself too early makes all
    /// times before it plausible.
    /// </summary>
    public long Earliest => Wall >= EarliestPlausible ? EarliestPlausible : 0;

    /// <summary>The wall time in whole seconds, in the range that the history can hold.</summary>
    public long WallSeconds => Math.Clamp(Wall / 1000, 0, UnixTime.LatestSecond);
}
