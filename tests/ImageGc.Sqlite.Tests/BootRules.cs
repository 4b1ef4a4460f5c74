namespace ImageGc.Sqlite.Tests;

/// <summary>
/// How time counts in <see cref="Rules"/>, for a store whose time provider is the test's: each opening is a boot.
/// </summary>
internal sealed class BootRules(DateTimeOffset now)
{
    private const long SeenAgainAfter = 60_000;

    private Boot? _boot;
    private long _wall = now.ToUnixTimeMilliseconds();
    private long _sinceOpened;
    private long _lastSeen;
    private long _seen;

    public long WallSeconds => _wall / 1000;

    private long BeganAt => _wall - _sinceOpened;

    public void Pass(long seconds)
    {
        _wall += seconds * 1000;
        _sinceOpened += seconds * 1000;
    }

    public void Step(long seconds) => _wall += seconds * 1000;

    public void Reopen(Rules tracked)
    {
        if (_boot is not null && _boot.BeganAt != BeganAt)
            Change(tracked);
        (_boot, _sinceOpened) = (null, 0);
    }

    /// <summary>Now, for a call that changes nothing.</summary>
    public Moment Read(Rules tracked)
    {
        var boot = _boot ?? new Boot(Math.Max(_seen, tracked.LatestRan) - _sinceOpened);
        return new Moment(boot, boot.RanBefore + _sinceOpened, _wall);
    }

    /// <summary>Every change begins the boot if it is the first one, and corrects its clock if that was set.</summary>
    public Moment Change(Rules tracked)
    {
        var now = Read(tracked);
        if (_boot is null || _boot.BeganAt != BeganAt || _sinceOpened - _lastSeen >= SeenAgainAfter)
            _lastSeen = _sinceOpened;
        _boot = now.Boot!;
        _boot.BeganAt = BeganAt;
        _seen = _boot.RanBefore + _lastSeen;
        return now;
    }
}
