namespace ImageGc.Hosting;

/// <summary>
/// The disk is fuller than it may be although every unused image was removed that may go, or freed nothing.
/// </summary>
public sealed class DiskStillFullException : IOException
{
    internal DiskStillFullException(string message)
        : base(message)
    {
    }
}
