using System.Collections.Immutable;

namespace ImageGc.Sqlite.Tests;

/// <summary>
/// The rules of the component in plain C#, written from its contract and not from its SQL: the images that a database
/// tracks, and what each call makes of them.
/// </summary>
/// <remarks>Immutable: a call returns what is tracked after it. Every clock is trusted at once.</remarks>
internal sealed class Rules
{
    private const long FirstPlausible = 1_420_070_400_000; // 2015

    private readonly ImmutableDictionary<string, Use> _uses;

    private Rules(ImmutableDictionary<string, Use> uses) => _uses = uses;

    public static Rules Empty { get; } = new(ImmutableDictionary<string, Use>.Empty);

    /// <summary>How long the device had run at the latest use.</summary>
    public long LatestRan =>
        _uses.Values.Where(use => use.Boot is not null).Select(use => use.RanAt).DefaultIfEmpty().Max();

    /// <summary>What a list shows, oldest use first, in seconds: a clock that was set is corrected in it.</summary>
    public IEnumerable<(string ImageId, long LastUsedAt)> Images(Moment now) => _uses
        .OrderBy(image => LastUsedAt(image.Value, now)).ThenBy(image => image.Key, StringComparer.Ordinal)
        .Select(image => (image.Key, Math.Max(0, LastUsedAt(image.Value, now) / 1000)));

    public Rules Recorded(Moment now, params IEnumerable<string> images)
    {
        var uses = _uses.ToBuilder();
        foreach (var image in images)
        {
            var isSameBoot = uses.TryGetValue(image, out var last) && last.Boot is not null && last.Boot == now.Boot;
            uses[image] = new Use(now.Boot, isSameBoot ? Math.Max(now.Ran, last!.RanAt + 1) : now.Ran);
        }

        return new Rules(uses.ToImmutable());
    }

    public Rules Forgotten(params IEnumerable<string> images) => new(_uses.RemoveRange(images));

    /// <summary>The later of two times counts; an implausible one as used now, unless the image is tracked.</summary>
    public Rules Imported(Moment now, long at, IReadOnlyCollection<string> images) =>
        at >= FirstPlausible && at <= now.Wall
            ? Recorded(Moment.OfWall(at), images.Where(image =>
                !_uses.TryGetValue(image, out var last) || at > LastUsedAt(last, now)))
            : Recorded(now, images.Except(_uses.Keys));

    /// <summary>A prune first records as used now what is tracked and in use, or of an implausible time.</summary>
    public Rules InUseRecorded(Moment now, IReadOnlyCollection<string> inUse) => Recorded(now, _uses
        .Where(use => inUse.Contains(use.Key) || (use.Value.Boot is null && !IsPlausible(use.Value.RanAt, now)))
        .Select(use => use.Key));

    /// <summary>Old enough by what the device ran since, or by a plausible wall time; oldest use first.</summary>
    public IEnumerable<(string ImageId, long LastUsedAt)> Expired(
        Moment now, IReadOnlyCollection<string> inUse, TimeSpan threshold) => Images(now).Where(image =>
    {
        var use = _uses[image.ImageId];
        var at = LastUsedAt(use, now);
        return !inUse.Contains(image.ImageId)
            && ((use.Boot is not null && Math.Max(0, now.Ran - use.RanAt) >= threshold.TotalMilliseconds)
                || (IsPlausible(at, now) && now.Wall - at >= threshold.TotalMilliseconds));
    });

    public (Rules After, List<(string ImageId, long LastUsedAt)> Expired) Pruned(
        Moment now, IReadOnlyCollection<string> inUse, TimeSpan threshold)
    {
        var begun = InUseRecorded(now, inUse);
        var expired = begun.Expired(now, inUse, threshold).ToList();
        return (begun.Forgotten(expired.Select(image => image.ImageId)), expired);
    }

    /// <summary>A prune with removal, after what it records first: what becomes of one image after the other.</summary>
    public IEnumerable<(string ImageId, RemovalResult Result, Rules After)> Removals(
        Moment now, IReadOnlyCollection<string> inUse, TimeSpan threshold, Predicate<string> fails,
        params IEnumerable<string> usedDuringFirst)
    {
        var after = this;
        foreach (var (image, _) in Expired(now, inUse, threshold).OrderBy(image => _uses[image.ImageId].NotRemoved))
        {
            var result = RemovalResult.UsedMeanwhile;
            if (IsStillLastUse())
            {
                after = after.Recorded(now, usedDuringFirst);
                usedDuringFirst = [];
                result = fails(image) ? RemovalResult.Failed
                    : IsStillLastUse() ? RemovalResult.Removed : RemovalResult.UsedMeanwhile;
                if (IsStillLastUse())
                {
                    after = result == RemovalResult.Removed
                        ? after.Forgotten(image)
                        : new Rules(after._uses.SetItem(image, _uses[image] with { NotRemoved = true }));
                }
            }

            yield return (image, result, after);

            bool IsStillLastUse() => after._uses.GetValueOrDefault(image) == _uses[image];
        }
    }

    private static bool IsPlausible(long wall, Moment now) =>
        wall <= now.Wall && (wall >= FirstPlausible || (now.Wall < FirstPlausible && wall >= 0));

    private static long LastUsedAt(Use use, Moment now) => use.RanAt + (use.Boot is null ? 0
        : use.Boot == now.Boot ? now.Wall - now.Ran : use.Boot.BeganAt - use.Boot.RanBefore);

    private sealed record Use(Boot? Boot, long RanAt, bool NotRemoved = false);
}

/// <summary>A moment as a database knows it. All times are milliseconds.</summary>
/// <param name="Boot">Null for a database of wall times alone, as an import leaves them.</param>
/// <param name="Ran">How long the device ran, as far as it was seen; of wall times alone the wall time.</param>
/// <param name="Wall">What the wall clock says.</param>
internal sealed record Moment(Boot? Boot, long Ran, long Wall)
{
    public static Moment OfWall(long wall) => new(null, wall, wall);
}

internal sealed class Boot(long ranBefore)
{
    public long RanBefore { get; } = ranBefore;

    /// <summary>By its clock as it was at the last change.</summary>
    public long BeganAt { get; set; }
}
