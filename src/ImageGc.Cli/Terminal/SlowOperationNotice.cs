namespace ImageGc.Cli.Terminal;

/// <summary>Writes a notice, unless it is disposed within a second.</summary>
internal sealed class SlowOperationNotice(TimeProvider time, Action write) : IDisposable
{
    private readonly ITimer _timer =
        time.CreateTimer(_ => write(), state: null, TimeSpan.FromSeconds(1), Timeout.InfiniteTimeSpan);

    public void Dispose() => _timer.Dispose();
}
