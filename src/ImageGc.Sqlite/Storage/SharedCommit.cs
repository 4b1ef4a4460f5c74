namespace ImageGc.Sqlite;

/// <summary>Lets the threads that wait for the database share one commit, and with it one fsync.</summary>
/// <remarks>
/// The first to come waits for the database; whoever comes meanwhile joins it. So none of these threads waits for more
/// than what is going on and the next commit: a lock alone let 64 busy threads starve some of them for seconds. All
/// that share a commit get the same exception.
/// </remarks>
internal sealed class SharedCommit(Action<SharedCommit.Batch> commit)
{
    private readonly Lock _joining = new();
    private Batch? _open;
    private Batch? _spare;

    /// <summary>Returns once the image ID is committed; throws what its commit failed with.</summary>
    public void Commit(string imageId)
    {
        Batch batch;
        Task? committed;
        lock (_joining)
        {
            committed = _open?.Join();
            batch = _open ??= Interlocked.Exchange(ref _spare, null) ?? new Batch(this);
            batch.ImageIds.Add(imageId);
        }

        if (committed is null)
            Lead(batch);
        else
            committed.GetAwaiter().GetResult();
    }

    private void Lead(Batch batch)
    {
        try
        {
            commit(batch);
            batch.Close(); // Whatever was done: an open one must not be used again.
            if (batch.Committed is { } committed)
                committed.SetResult();
            else
                Reuse(batch);
        }
        catch (Exception exception)
        {
            batch.Close();
            batch.Committed?.SetException(exception);
            throw;
        }
    }

    /// <summary>A batch that nobody joined serves again: most are such, and so a record allocates nothing.</summary>
    private void Reuse(Batch batch)
    {
        batch.ImageIds.Clear();
        Volatile.Write(ref _spare, batch);
    }

    /// <summary>The image IDs of one commit.</summary>
    internal sealed class Batch(SharedCommit owner)
    {
        public List<string> ImageIds { get; } = new(1);

        public TaskCompletionSource? Committed { get; private set; }

        public Task Join() => (Committed ??= new TaskCompletionSource()).Task;

        /// <summary>From now on nobody joins: to be called with the database in hand.</summary>
        public List<string> Close()
        {
            lock (owner._joining)
            {
                if (owner._open == this)
                    owner._open = null;
                return ImageIds;
            }
        }
    }
}
