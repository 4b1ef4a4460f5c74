namespace ImageGc.Hosting;

/// <summary>Room that is made on a disk by removing images, until it is enough or turns out to free nothing.</summary>
internal sealed class DiskRelief(ImageDisk disk, DiskThreshold high, DiskThreshold low, TimeProvider time)
{
    /// <summary>So many in a row that free nothing, and the images lie elsewhere.</summary>
    private const int MostThatFreeNothing = 3;

    /// <summary>Less comes and goes on any disk, and says nothing about an image.</summary>
    private const long LeastBytes = 1_000_000;

    /// <summary>Engines give space back a while after they answered.</summary>
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(30);

    /// <summary>If no more comes back for so long, that was all.</summary>
    private static readonly TimeSpan SettleTime = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan PollInterval = TimeSpan.FromSeconds(1);

    private bool _hasSettled;
    private int _freedNothing;

    public bool FreesNothing => _freedNothing >= MostThatFreeNothing;

    /// <remarks>A disk that cannot be measured is met again at the next look: for now it is enough.</remarks>
    public async Task<bool> IsEnoughAsync(CancellationToken cancellationToken)
    {
        if (FreesNothing || await disk.TryMeasureAsync(cancellationToken).ConfigureAwait(false) is not { } usage)
            return true;
        if (IsEnough(usage) || _hasSettled)
            return IsEnough(usage);

        // What another run has just removed may still come back.
        _hasSettled = true;
        await WaitAsync(usage, expected: null, SettleTime, cancellationToken).ConfigureAwait(false);
        return await IsEnoughAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Waits for the space that a removal frees, so that no image goes that need not.</summary>
    /// <param name="before">The disk before the removal.</param>
    /// <param name="expected">How many bytes the image has at most that can come back; null if unknown.</param>
    /// <param name="cancellationToken">Ends the waiting; nothing is thrown.</param>
    public async Task WaitForSpaceAsync(DiskUsage before, long? expected, CancellationToken cancellationToken)
    {
        var freed = await WaitAsync(before, expected, LongestWait, cancellationToken).ConfigureAwait(false);
        if (freed >= LeastOf(expected))
            _freedNothing = 0;
        else if (expected is null or >= LeastBytes)
            _freedNothing++;
    }

    /// <returns>How many bytes came back.</returns>
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

    /// <remarks>Of one in percent and one in bytes the low one may allow more than the high one.</remarks>
    private bool IsEnough(DiskUsage usage) => low.MarginOf(usage) >= 0 && !high.IsReachedBy(usage);
}
