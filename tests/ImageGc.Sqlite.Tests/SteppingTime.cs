namespace ImageGc.Sqlite.Tests;

/// <summary>A clock that a test moves: time passes for both clocks, a step moves the wall clock alone.</summary>
/// <remarks>`FakeTimeProvider.AdjustTime` moves both together, so it cannot express a step.</remarks>
internal sealed class SteppingTime : TimeProvider
{
    public static readonly DateTimeOffset Start = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    private readonly Lock _oneAtATime = new();
    private readonly List<Timer> _timers = [];
    private (int Timers, TaskCompletionSource Source) _wanted = (int.MaxValue, new());
    private DateTimeOffset _wall;
    private long _elapsedTicks;

    public SteppingTime(DateTimeOffset? start = null) => _wall = start ?? Start;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public TimeZoneInfo Zone { get; set; } = TimeZoneInfo.Utc;

    public override TimeZoneInfo LocalTimeZone => Zone;

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

    /// <summary>Lets time pass on both clocks, and then fires the timers that are due.</summary>
    public void Pass(TimeSpan time)
    {
        List<Timer> due;
        lock (_oneAtATime)
        {
            _wall += time;
            _elapsedTicks += time.Ticks;
            due = _timers.FindAll(timer => timer.DueTicks <= _elapsedTicks);
            _timers.RemoveAll(due.Contains);
        }

        due.ForEach(timer => timer.Fire());
    }

    /// <summary>Sets the wall clock. No time passes.</summary>
    public void StepTo(DateTimeOffset wall)
    {
        lock (_oneAtATime)
            _wall = wall;
    }

    /// <summary>Completes when this many timers wait for time to pass.</summary>
    public Task WaitForTimersAsync(int timers)
    {
        lock (_oneAtATime)
        {
            _wanted = (timers, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
            CompleteWait();
            return _wanted.Source.Task;
        }
    }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        if (period != Timeout.InfiniteTimeSpan)
            throw new NotSupportedException("Only timers that fire once.");
        var timer = new Timer(this, () => callback(state));
        timer.Change(dueTime, period);
        return timer;
    }

    private void CompleteWait()
    {
        if (_timers.Count >= _wanted.Timers)
            _wanted.Source.TrySetResult();
    }

    private sealed class Timer(SteppingTime time, Action fire) : ITimer
    {
        public long DueTicks { get; private set; }

        public void Fire() => fire();

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            lock (time._oneAtATime)
            {
                time._timers.Remove(this);
                if (dueTime == Timeout.InfiniteTimeSpan)
                    return true;
                DueTicks = time._elapsedTicks + dueTime.Ticks;
                time._timers.Add(this);
                time.CompleteWait();
                return true;
            }
        }

        public void Dispose() => Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
