using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;

namespace ImageGc.Docker.Tests;

/// <summary>The built `imagegc` as a process of its own.</summary>
internal sealed partial class Daemon : IDisposable
{
    /// <summary>
    /// An environment variable: the path of a shell that starts it. A service recognizes systemd by its parent's name.
    /// </summary>
    public const string Parent = "IMAGEGC_TESTS_PARENT";

    private const string PassOnTerm = """
        trap 'kill "$child"; wait "$child"; exit $?' TERM
        "$0" "$@" &
        child=$!
        wait "$child"
        """;

    private readonly Process _process;
    private readonly StringBuilder _error = new();

    public Daemon(IReadOnlyDictionary<string, string> environment, params string[] arguments)
    {
        var program = Path.Combine(AppContext.BaseDirectory, "imagegc");
        var start = new ProcessStartInfo(program, arguments);
        if (environment.TryGetValue(Parent, out var parent))
        {
            File.Copy("/bin/sh", parent);
            start = new ProcessStartInfo(parent, ["-c", PassOnTerm, program, .. arguments]);
        }

        (start.RedirectStandardOutput, start.RedirectStandardError) = (true, true);
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        _process = Process.Start(start)!;
        _process.ErrorDataReceived += (_, line) =>
        {
            lock (_error)
                _error.AppendLine(line.Data);
        };
        _process.BeginErrorReadLine();
        Output = _process.StandardOutput.ReadToEndAsync();
    }

    public Task<string> Output { get; }

    public string Error
    {
        get
        {
            lock (_error)
                return _error.ToString();
        }
    }

    public bool HasExited => _process.HasExited;

    /// <summary>Waits for it to exit.</summary>
    /// <returns>Its exit code.</returns>
    public async Task<int> EndAsync()
    {
        await ExitAsync(_process, () => Error);
        return _process.ExitCode;
    }

    /// <summary>Stops it with SIGTERM, as systemd does.</summary>
    public void Terminate() => Assert.Equal(0, Kill(_process.Id, 15));

    /// <summary>Stops it with SIGSTOP, so that it does nothing until it is killed.</summary>
    public void Pause() => Assert.Equal(0, Kill(_process.Id, 19));

    /// <summary>Kills it with SIGKILL.</summary>
    public void Kill()
    {
        _process.Kill();
        _process.WaitForExit();
    }

    public void Dispose()
    {
        _process.Kill();
        _process.Dispose();
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int process, int signal);
}
