using System.Runtime.InteropServices;

namespace ImageGc.Cli.Terminal;

/// <summary>Turns the first Ctrl-C or SIGTERM into a request to stop; a second one ends the program as usual.</summary>
internal sealed class TerminationSignal : IDisposable
{
    private readonly CancellationTokenSource _requested = new();
    private readonly PosixSignalRegistration[] _signals;

    public TerminationSignal(Action whenRequested) =>
        _signals = Array.ConvertAll(
            [PosixSignal.SIGINT, PosixSignal.SIGTERM],
            signal => PosixSignalRegistration.Create(signal, context =>
            {
                // Cancelled, the signal does not end the program.
                context.Cancel = !_requested.IsCancellationRequested;
                if (context.Cancel)
                    whenRequested();
                _requested.Cancel();
            }));

    public CancellationToken Token => _requested.Token;

    /// <summary>Does not dispose the token source: a handler that is running may still cancel it.</summary>
    public void Dispose()
    {
        foreach (var signal in _signals)
            signal.Dispose();
    }
}
