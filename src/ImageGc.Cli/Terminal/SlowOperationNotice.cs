namespace ImageGc.Cli;

/// <summary>Tells a person on a terminal what takes so long, once it takes more than a second.</summary>
internal sealed class Patience(TimeProvider time, Action tell) : IDisposable
{
    private readonly ITimer _timer =
        time.CreateTimer(_ => tell(), state: null, TimeSpan.FromSeconds(1), Timeout.InfiniteTimeSpan);

    public void Dispose() => _timer.Dispose();
}
