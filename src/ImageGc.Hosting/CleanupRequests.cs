using ImageGc.Sqlite;

namespace ImageGc.Hosting;

/// <summary>The cleanups that other programs request from this host, once it holds the lock of the database.</summary>
internal sealed class CleanupRequests(Func<ImageUseStore> store)
{
    private bool _isOpen;

    /// <summary>The request that was served last, and its outcome.</summary>
    private (string Id, string? Failure)? _served;

    /// <summary>Begins to accept requests. One to an earlier host is refused, because it would come late.</summary>
    public void Open()
    {
        if (_isOpen)
            return;
        if (Find() is { } stale)
            Answer(stale, "The daemon was restarted before it could clean up. Run 'imagegc run --once' again.");
        _isOpen = true;
    }

    /// <summary>Returns the request to serve now; null if there is none.</summary>
    public string? Next()
    {
        if (!_isOpen || Find() is not { } pending)
            return null;
        if (_served is not { } served || served.Id != pending)
            return pending;
        Answer(served.Id, served.Failure); // The disk was too full to store the answer: try again, without a cleanup.
        return null;
    }

    public void Answer(string id, string? failure)
    {
        _served = (id, failure);
        Try(() => CleanupRequest.Answer(store(), id, failure));
    }

    private string? Find()
    {
        string? pending = null;
        Try(() => pending = CleanupRequest.FindPending(store()));
        return pending;
    }

    private static void Try(Action work)
    {
        try
        {
            work();
        }
        catch (Exception exception) when (exception is ImageUseStoreException or ObjectDisposedException
            && !Health.NeedsRestart(exception))
        {
            // The cleanup fails for the same reason, and reports it.
        }
    }
}
