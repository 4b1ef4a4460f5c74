namespace ImageGc.Hosting;

/// <summary>Room that is made on a disk by removing images, until it is enough or turns out to be in vain.</summary>
internal sealed class DiskRelief(ImageDisk disk, DiskThreshold low, TimeProvider time)
{
    /// <summary>One image may share all it has with others; so many in a row, and the images lie elsewhere.</summary>
    private const int MostInVain = 3;

    /// <summary>Engines give space back a while after they answered.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>If no more comes back for so long, that was all.</summary>
    private static readonly TimeSpan Quiet = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan PollInterval = TimeSpan.FromSeconds(1);

    private int _inVain;

    public bool IsInVain => _inVain >= MostInVain;

    /// <remarks>A disk that cannot be measured is met again at the next look: for now it is enough.</remarks>
    public async Task<bool> IsEnoughAsync(CancellationToken cancellationToken) =>
        IsInVain || await disk.TryMeasureAsync(cancellationToken).ConfigureAwait(false) is not { } usage
        || low.MarginOf(usage) >= 0;

    /// <summary>Waits for the space that a removal frees, so that no image goes that need not.</summary>
    /// <param name="before">The disk before the removal.</param>
    /// <param name="expected">How many bytes the image has at most that can come back; null if unknown.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    public async Task WaitForSpaceAsync(DiskUsage before, long? expected, CancellationToken cancellationToken)
    {
        var (began, changed) = (time.GetTimestamp(), time.GetTimestamp());
        long freed = 0;
        while (await disk.TryMeasureAsync(cancellationToken).ConfigureAwait(false) is { } now)
        {
            if (now.AvailableBytes - before.AvailableBytes > freed)
                (freed, changed) = (now.AvailableBytes - before.AvailableBytes, time.GetTimestamp());
            if (low.MarginOf(now) >= 0 || freed >= (expected ?? long.MaxValue)
                || (freed > 0 && time.GetElapsedTime(changed) >= Quiet) || time.GetElapsedTime(began) >= Patience)
                break;
            await Task.Delay(PollInterval, time, cancellationToken).ConfigureAwait(false);
        }

        _inVain = freed > 0 ? 0 : _inVain + 1;
    }
}
