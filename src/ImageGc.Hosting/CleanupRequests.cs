using ImageGc.Sqlite;

namespace ImageGc.Hosting;

/// <summary>What other programs ask this host for, once it holds the lock.</summary>
internal sealed class CleanupRequests(Func<ImageUseStore> store)
{
    private bool _isOpen;

    /// <summary>The request that was served last, and how that ended.</summary>
    private (string Id, string? Failure)? _served;

    /// <summary>Before this host can be asked: what was asked of an earlier one does not come by surprise.</summary>
    public void Open()
    {
        if (_isOpen)
            return;
        if (Find() is { } stale)
            Answer(stale, "The program that cleans up was restarted before it could. Run the command again.");
        _isOpen = true;
    }

    /// <summary>The request that is to be served now; null if there is none.</summary>
    public string? Next()
    {
        if (!_isOpen || Find() is not { } pending)
            return null;
        if (_served is not { } served || served.Id != pending)
            return pending;
        Answer(served.Id, served.Failure); // There was no room to write it.
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
        catch (Exception exception) when (exception is ImageUseStoreException or ObjectDisposedException)
        {
            // The cleanup meets it too, and reports it.
        }
    }
}
