using ImageGc.Cli.Execution;
using ImageGc.Sqlite;

namespace ImageGc.Cli.Pruning;

/// <summary>
/// A prune that runs a command for each image that expired, and knows what it did even when it stops half-way.
/// </summary>
internal sealed class PruneWithCommand(ImageUseStore store, RemovalCommand command, CommandContext context, int expired)
{
    private readonly List<ImageUse> _removed = [];
    private readonly List<PruneFailure> _failed = [];

    /// <summary>Whether it was stopped before the last image.</summary>
    public bool Interrupted { get; private set; }

    /// <summary>Why the database could not be changed any further; null if it could.</summary>
    public ImageUseStoreException? StoppedBy { get; private set; }

    public async Task<PruneResult> RunAsync(
        IEnumerable<string> inUse, TimeSpan threshold, CancellationToken cancellationToken)
    {
        try
        {
            try
            {
                return await store.PruneAsync(inUse, RemoveAsync, threshold, cancellationToken).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                Interrupted = true;
                var stillTracked = _removed.ToLookup(image => store.Find(image.ImageId) is not null);
                return new PruneResult([.. stillTracked[false]], [.. stillTracked[true]], _failed);
            }
        }
        catch (ImageUseStoreException exception) when (_removed.Count + _failed.Count > 0)
        {
            StoppedBy = exception;
            return new PruneResult(_removed, [], _failed);
        }
    }

    /// <summary>Never cancels the running command: only the command itself can stop half-way without harm.</summary>
    private async Task RemoveAsync(ImageUse image, CancellationToken cancellationToken)
    {
        try
        {
            var shown = ImageId.Shorten(image.ImageId);
            context.WriteProgress($"Removing {_removed.Count + _failed.Count + 1} of {expired}: {shown}");
            var commandLine = command.CommandLineFor(image.ImageId);
            await new CommandRunner(context.Error).RunAsync(commandLine).ConfigureAwait(false);
            _removed.Add(image);
        }
        catch (Exception exception)
        {
            _failed.Add(new PruneFailure(image, exception));
            throw;
        }
    }
}
