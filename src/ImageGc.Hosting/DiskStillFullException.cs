namespace ImageGc.Hosting;

/// <summary>
/// The disk is still too full: no other unused image can be removed, or the last removals failed or freed nothing.
/// </summary>
public sealed class DiskStillFullException : IOException
{
    internal DiskStillFullException(string message)
        : base(message)
    {
    }
}
