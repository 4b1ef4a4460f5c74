namespace ImageGc.Sqlite.Tests;

/// <summary>A clock that a test moves: time passes for both clocks, a step moves the wall clock alone.</summary>
/// <remarks>`FakeTimeProvider.AdjustTime` moves both together, so it cannot express a step.</remarks>
internal sealed class SteppingTime : TimeProvider
{
    public static readonly DateTimeOffset Start = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    private readonly Lock _oneAtATime = new();
    private DateTimeOffset _wall;
    private long _elapsedTicks;

    public SteppingTime(DateTimeOffset? start = null) => _wall = start ?? Start;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override DateTimeOffset GetUtcNow()
    {
        lock (_oneAtATime)
            return _wall;
    }

    public override long GetTimestamp()
    {
        lock (_oneAtATime)
            return _elapsedTicks;
    }

    /// <summary>Time passes.</summary>
    public void Pass(TimeSpan time)
    {
        lock (_oneAtATime)
        {
            _wall += time;
            _elapsedTicks += time.Ticks;
        }
    }

    /// <summary>Somebody sets the wall clock; no time passes.</summary>
    public void StepTo(DateTimeOffset wall)
    {
        lock (_oneAtATime)
            _wall = wall;
    }
}
