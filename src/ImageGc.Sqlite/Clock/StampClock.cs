namespace ImageGc.Sqlite;

/// <summary>
/// The time to stamp uses with, and the stamps given since the store was opened, which a step of the wall clock moves.
/// Used under the database's lock only.
/// </summary>
/// <remarks>
/// Edge devices boot without a real-time clock, record images "in 1970", and learn the time later. The elapsed time of
/// <see cref="TimeProvider.GetTimestamp"/> does not step, so a step is what the wall clock moved beyond it. A suspended
/// device looks like a step forward: its images count as younger than they are, never as older.
/// </remarks>
internal sealed class StampClock
{
    /// <summary>
    /// The first second of 2015, before there was any edge runtime: an earlier stamp shows a wrong clock.
    /// </summary>
    public const long EarliestBelievable = 1_420_070_400;

    /// <summary>The last second of the year 9999.</summary>
    public static readonly long Latest = DateTimeOffset.MaxValue.ToUnixTimeSeconds();

    private readonly TimeProvider _time;
    private readonly long _opened;
    private readonly Dictionary<string, (long At, long Use)> _stamps = [];
    private readonly List<(string ImageId, long? At)> _uncommitted = [];
    private long _uses;
    private DateTimeOffset _wallWhenOpened;

    public StampClock(TimeProvider time)
    {
        _time = time;
        _opened = time.GetTimestamp();
        _wallWhenOpened = time.GetUtcNow();
    }

    /// <summary>How much was stamped and forgotten so far.</summary>
    public long Uses => _uses + _uncommitted.Count;

    /// <summary>
    /// Now on the clock that the stamps follow, in Unix seconds. A step counts only once it was followed: one that came
    /// just now, while the database was locked, would make young images old.
    /// </summary>
    /// <param name="step">A step that the caller takes into account, but that is not followed.</param>
    public long Now(long step = 0) => Math.Clamp(
        (_wallWhenOpened + _time.GetElapsedTime(_opened)).ToUnixTimeSeconds() + step, 0, Latest);

    /// <summary>By how many whole seconds the wall clock was set since the last <see cref="Follow"/>.</summary>
    public long Step() => (long)(_time.GetUtcNow() - _wallWhenOpened - _time.GetElapsedTime(_opened)).TotalSeconds;

    public IEnumerable<(string ImageId, long At)> Stamps => _stamps.Select(stamp => (stamp.Key, stamp.Value.At));

    /// <summary>Begins a change; the stamps of one that was rolled back are in no row, so they are dropped.</summary>
    public void Begin() => _uncommitted.Clear();

    public void Stamped(string imageId, long at) => _uncommitted.Add((imageId, at));

    public void Forgot(string imageId) => _uncommitted.Add((imageId, null));

    /// <summary>Takes note that the rows are as they were stamped and forgotten since <see cref="Begin"/>.</summary>
    public void Committed()
    {
        foreach (var (imageId, stamped) in _uncommitted)
        {
            _uses++;
            if (stamped is { } at)
                _stamps[imageId] = (at, _uses);
            else
                _stamps.Remove(imageId);
        }

        _uncommitted.Clear();
    }

    /// <summary>The stamp of the image as the clock moved it, or the one given if it was not stamped here.</summary>
    public long StampOf(string imageId, long read) => _stamps.TryGetValue(imageId, out var stamp) ? stamp.At : read;

    /// <summary>Whether the image was stamped after <see cref="Uses"/> stood at <paramref name="uses"/>.</summary>
    public bool UsedSince(string imageId, long uses) => _stamps.TryGetValue(imageId, out var stamp) && stamp.Use > uses;

    /// <summary>Takes note that the stamps were moved by <paramref name="step"/>.</summary>
    public void Follow(long step)
    {
        _wallWhenOpened += TimeSpan.FromSeconds(step);
        foreach (var (imageId, (at, use)) in _stamps)
            _stamps[imageId] = (Math.Clamp(at + step, 0, Latest), use);
    }
}
