namespace ImageGc.Hosting;

/// <summary>Decides after each early removal whether the disk has enough room or removals free nothing.</summary>
internal sealed class DiskRelief(ImageDisk disk, DiskThreshold high, DiskThreshold low, TimeProvider time)
{
    /// <summary>After so many removals in a row that free nothing, the images are probably on another disk.</summary>
    private const int MostThatFreeNothing = 3;

    /// <summary>Other programs change any disk by less, so that less says nothing about the removal.</summary>
    private const long LeastBytes = 1_000_000;

    /// <summary>How long to wait for the space that a removal frees.</summary>
    /// <remarks>
    /// Engines may answer before they free it: containerd collects its garbage in the background,
    /// https://github.com/containerd/containerd/blob/main/docs/garbage-collection.md.
    /// </remarks>
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(30);

    /// <summary>If no more space becomes free for so long, the removal has freed all that it can.</summary>
    private static readonly TimeSpan SettleTime = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan PollInterval = TimeSpan.FromSeconds(1);

    private bool _hasSettled;
    private int _freedNothing;

    public bool FreesNothing => _freedNothing >= MostThatFreeNothing;

    /// <remarks>A disk that cannot be measured counts as enough: the next check fails, and reports why.</remarks>
    public async Task<bool> IsEnoughAsync(CancellationToken cancellationToken)
    {
        if (FreesNothing || await disk.TryMeasureAsync(cancellationToken).ConfigureAwait(false) is not { } usage)
            return true;
        if (IsEnough(usage) || _hasSettled)
            return IsEnough(usage);

        // The space of a run that has just ended may still become free.
        _hasSettled = true;
        await WaitAsync(usage, expected: null, SettleTime, cancellationToken).ConfigureAwait(false);
        return await IsEnoughAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Waits for the space that a removal frees, so that no more images are removed than necessary.</summary>
    /// <param name="before">The disk usage before the removal.</param>
    /// <param name="expected">The most bytes that the removal can free; null if unknown.</param>
    /// <param name="cancellationToken">Ends the wait without an exception.</param>
    public async Task WaitForSpaceAsync(DiskUsage before, long? expected, CancellationToken cancellationToken)
    {
        var freed = await WaitAsync(before, expected, LongestWait, cancellationToken).ConfigureAwait(false);
        if (freed >= LeastOf(expected))
            _freedNothing = 0;
        else if (expected is null or >= LeastBytes)
            _freedNothing++;
    }

    /// <returns>How many bytes became free.</returns>
    private async Task<long> WaitAsync(
        DiskUsage before, long? expected, TimeSpan longest, CancellationToken cancellationToken)
    {
        var (began, changed) = (time.GetTimestamp(), time.GetTimestamp());
        long freed = 0;
        while (!cancellationToken.IsCancellationRequested
            && await disk.TryMeasureAsync(cancellationToken).ConfigureAwait(false) is { } now)
        {
            if (now.AvailableBytes - before.AvailableBytes > freed)
                (freed, changed) = (now.AvailableBytes - before.AvailableBytes, time.GetTimestamp());
            if (IsEnough(now) || freed >= (expected ?? long.MaxValue)
                || (freed >= LeastOf(expected) && time.GetElapsedTime(changed) >= SettleTime)
                || time.GetElapsedTime(began) >= longest)
                break;
            await Task.Delay(PollInterval, time, cancellationToken)
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        return freed;
    }

    private static long LeastOf(long? expected) => Math.Min(expected ?? LeastBytes, LeastBytes);

    /// <remarks>If one threshold is in percent and the other in bytes, the low one can allow a fuller disk.</remarks>
    private bool IsEnough(DiskUsage usage) => low.MarginOf(usage) >= 0 && !high.IsReachedBy(usage);
}
