namespace ImageGc.Sqlite.Tests;

/// <summary>The rules of the component in plain C#, written from its contract and not from its SQL.</summary>
internal sealed class Rules(long now)
{
    private const long FirstBelievable = 1_420_070_400; // 2015
    private readonly Dictionary<string, long> _lastUsed = [];
    private readonly HashSet<string> _stampedInThisSession = [];
    private long _pendingStep;

    public long Now { get; set; } = now;

    public IEnumerable<(string, long)> Images => Oldest(_lastUsed.Keys);

    public void Step(long seconds)
    {
        Now += seconds;
        _pendingStep += seconds;
    }

    public void Reopen()
    {
        FollowTheClock();
        _stampedInThisSession.Clear();
    }

    public void Record(IEnumerable<string> images)
    {
        FollowTheClock();
        foreach (var image in images)
            Use(image);
    }

    public bool Forget(string image) => _lastUsed.Remove(image);

    /// <summary>Which images a prune would remove, by ID.</summary>
    public IEnumerable<string> Explain(string[] inUse, long threshold)
    {
        var imagined = new Rules(Now);
        foreach (var (image, at) in _lastUsed)
            imagined._lastUsed[image] = _stampedInThisSession.Contains(image) ? Math.Max(0, at + _pendingStep) : at;
        return imagined.Decide(inUse, threshold).Order(StringComparer.Ordinal);
    }

    public List<(string, long)> Prune(string[] inUse, long threshold)
    {
        var expired = Oldest(Decide(inUse, threshold)).ToList();
        foreach (var (image, _) in expired)
            _lastUsed.Remove(image);
        return expired;
    }

    public string PruneWithRemoval(RandomHistoryTests.PruneWithRemoval prune)
    {
        List<string> removed = [], usedMeanwhile = [], failed = [];
        HashSet<string> usedDuring = [];
        foreach (var (image, _) in Oldest(Decide(prune.InUse, prune.Threshold)).ToList())
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
            }
            else if (usedDuring.Contains(image))
            {
                usedMeanwhile.Add(image);
            }
            else
            {
                removed.Add(image);
                _lastUsed.Remove(image);
            }
        }

        return Describe(removed, usedMeanwhile, failed);
    }

    public static string Describe(IEnumerable<string> removed, IEnumerable<string> usedMeanwhile,
        IEnumerable<string> failed) =>
        $"removed {string.Join(' ', removed)}, used meanwhile {string.Join(' ', usedMeanwhile)}, "
        + $"failed {string.Join(' ', failed)}";

    private List<string> Decide(string[] inUse, long threshold)
    {
        FollowTheClock();
        foreach (var (image, at) in _lastUsed.ToList())
        {
            var stampCannotBeTrue = at > Now || (at < FirstBelievable && Now >= FirstBelievable);
            if (inUse.Contains(image) || stampCannotBeTrue)
                Use(image);
        }

        return [.. _lastUsed.Where(use => !inUse.Contains(use.Key) && Now - use.Value >= threshold)
            .Select(use => use.Key)];
    }

    private void Use(string image)
    {
        _lastUsed[image] = Now;
        _stampedInThisSession.Add(image);
    }

    private void FollowTheClock()
    {
        foreach (var image in _stampedInThisSession.Where(_lastUsed.ContainsKey))
            _lastUsed[image] = Math.Max(0, _lastUsed[image] + _pendingStep);
        _pendingStep = 0;
    }

    private IEnumerable<(string, long)> Oldest(IEnumerable<string> images) =>
        images.Select(image => (image, _lastUsed[image])).OrderBy(use => use.Item2)
            .ThenBy(use => use.image, StringComparer.Ordinal);
}
