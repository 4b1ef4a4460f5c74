namespace ImageGc.Sqlite.Tests;

/// <summary>The rules of the component in plain C#, written from its contract and not from its SQL.</summary>
/// <remarks>
/// For a store whose time provider is the test's: each opening is a boot of its own, and every clock is believed at
/// once. All times are milliseconds.
/// </remarks>
internal sealed class Rules(long nowSeconds)
{
    private const long FirstPlausible = 1_420_070_400_000; // 2015
    private const long SeenAgainAfter = 60_000;

    private readonly Dictionary<string, Use> _uses = [];

    /// <summary>The uses whose images could not be removed.</summary>
    private readonly HashSet<Use> _failed = new(ReferenceEqualityComparer.Instance);
    private Boot? _boot;
    private long _sinceOpened;
    private long _seen;

    /// <summary>The wall clock of the device.</summary>
    private long _now = nowSeconds * 1000;

    public long NowSeconds => _now / 1000;

    /// <summary>What a list shows: a clock that was set is corrected in it.</summary>
    public IEnumerable<(string, long)> Images => OldestFirst(_uses);

    public void Pass(long seconds)
    {
        _now += seconds * 1000;
        _sinceOpened += seconds * 1000;
    }

    public void Step(long seconds) => _now += seconds * 1000;

    public void Reopen()
    {
        if (_boot is not null && _boot.BeganAt != _now - _sinceOpened)
            Enter();
        _boot = null;
        _sinceOpened = 0;
    }

    public void Record(IEnumerable<string> images)
    {
        Enter();
        foreach (var image in images)
            UseNow(image);
    }

    public bool Forget(string image)
    {
        Enter();
        return _uses.Remove(image);
    }

    /// <summary>Which images a prune would remove, by ID.</summary>
    public IEnumerable<string> Explain(string[] inUse, long threshold) =>
        Expired(inUse, threshold).Select(image => image.Item1).Order(StringComparer.Ordinal);

    public List<(string, long)> Prune(string[] inUse, long threshold)
    {
        Enter();
        UseTracked(inUse);
        var expired = Expired(inUse, threshold).ToList();
        foreach (var (image, _) in expired)
            _uses.Remove(image);
        return expired;
    }

    public string PruneWithRemoval(RandomHistoryTests.PruneWithRemoval prune)
    {
        List<string> removed = [], usedMeanwhile = [], failed = [];
        HashSet<string> usedDuring = [];
        Enter();
        UseTracked(prune.InUse);
        foreach (var (image, _) in Expired(prune.InUse, prune.Threshold)
            .OrderBy(image => _failed.Contains(_uses[image.Item1])).ToList())
        {
            if (usedDuring.Contains(image))
            {
                usedMeanwhile.Add(image);
                continue;
            }

            if (removed.Count + failed.Count + usedMeanwhile.Count == 0)
            {
                usedDuring.UnionWith(prune.UsedDuringFirst);
                Record(prune.UsedDuringFirst);
            }

            if (prune.Failing.Contains(image))
            {
                failed.Add(image);
                if (!usedDuring.Contains(image))
                    _failed.Add(_uses[image]);
            }
            else if (usedDuring.Contains(image))
            {
                usedMeanwhile.Add(image);
            }
            else
            {
                removed.Add(image);
                _uses.Remove(image);
            }
        }

        return Describe(removed, usedMeanwhile, failed);
    }

    public static string Describe(IEnumerable<string> removed, IEnumerable<string> usedMeanwhile,
        IEnumerable<string> failed) =>
        $"removed {string.Join(' ', removed)}, used meanwhile {string.Join(' ', usedMeanwhile)}, "
        + $"failed {string.Join(' ', failed)}";

    /// <summary>How long the device ran, as far as it was seen.</summary>
    private long Ran => _boot is null ? Seen : _boot.RanBefore + _sinceOpened;

    private long Seen => Math.Max(_seen, _uses.Values.Select(use => use.RanAt).DefaultIfEmpty().Max());

    /// <summary>Every change begins the boot if it is the first one, and corrects its clock if that was set.</summary>
    private void Enter()
    {
        _boot ??= new Boot { RanBefore = Seen - _sinceOpened, LastSeen = long.MinValue / 2 };
        if (_boot.BeganAt != _now - _sinceOpened || _sinceOpened - _boot.LastSeen >= SeenAgainAfter)
            _boot.LastSeen = _sinceOpened;
        _boot.BeganAt = _now - _sinceOpened;
        _seen = _boot.RanBefore + _boot.LastSeen;
    }

    private void UseTracked(string[] inUse)
    {
        foreach (var image in inUse.Where(_uses.ContainsKey).Distinct())
            UseNow(image);
    }

    private void UseNow(string image) => _uses[image] = new Use(_boot!,
        _uses.TryGetValue(image, out var last) && last.Boot == _boot ? Math.Max(Ran, last.RanAt + 1) : Ran);

    /// <summary>Old enough by what the device ran since, or by a wall time that can be true.</summary>
    private IEnumerable<(string, long)> Expired(string[] inUse, long threshold) => OldestFirst(_uses.Where(image =>
    {
        var use = image.Value;
        var at = LastUsedAt(use);
        var plausible = at <= _now && (at >= FirstPlausible || (_now < FirstPlausible && at >= 0));
        return !inUse.Contains(image.Key)
            && (Math.Max(0, Ran - use.RanAt) >= threshold * 1000 || (plausible && _now - at >= threshold * 1000));
    }));

    private IEnumerable<(string, long)> OldestFirst(IEnumerable<KeyValuePair<string, Use>> uses) => uses
        .OrderBy(image => LastUsedAt(image.Value)).ThenBy(image => image.Key, StringComparer.Ordinal)
        .Select(image => (image.Key, Math.Max(0, LastUsedAt(image.Value) / 1000)));

    private long LastUsedAt(Use use) =>
        (use.Boot == _boot ? _now - _sinceOpened : use.Boot.BeganAt) - use.Boot.RanBefore + use.RanAt;

    private sealed class Boot
    {
        public required long RanBefore { get; init; }

        public long BeganAt { get; set; }

        public required long LastSeen { get; set; }
    }

    private sealed record Use(Boot Boot, long RanAt);
}
