namespace ImageGc.Native;

/// <summary>Durations as numbers: 0 or more, IMAGEGC_ZERO, or IMAGEGC_DEFAULT, which is null here.</summary>
internal static class Duration
{
    private const long Default = -1;
    private const long Zero = -2;

    /// <exception cref="ArgumentException">It is another negative number, or too large.</exception>
    public static TimeSpan? Seconds(long seconds, string name) =>
        Read(seconds, name, (long)TimeSpan.MaxValue.TotalSeconds) is { } valid ? TimeSpan.FromSeconds(valid) : null;

    /// <exception cref="ArgumentException">As <see cref="Seconds"/>.</exception>
    public static TimeSpan? Milliseconds(long milliseconds) =>
        Read(milliseconds, "busy_timeout_ms", int.MaxValue) is { } valid ? TimeSpan.FromMilliseconds(valid) : null;

    /// <exception cref="ArgumentException">As <see cref="Seconds"/>.</exception>
    public static TimeSpan? ClockSettleTime(long seconds) =>
        Read(seconds, "clock_settle_seconds", 365 * 86_400) is { } valid ? TimeSpan.FromSeconds(valid) : null;

    private static long? Read(long value, string name, long most) => value switch
    {
        Default => null,
        Zero => 0,
        < 0 => throw new ArgumentException($"{name} is {value}: use 0 or more, IMAGEGC_DEFAULT or IMAGEGC_ZERO."),
        _ when value > most => throw new ArgumentException($"{name} is {value}: use {most} or less."),
        _ => value,
    };
}
