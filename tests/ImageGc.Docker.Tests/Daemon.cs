using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;

namespace ImageGc.Docker.Tests;

/// <summary>The built `imagegc` as a process of its own.</summary>
internal sealed partial class Daemon : IDisposable
{
    private readonly Process _process;
    private readonly StringBuilder _error = new();

    public Daemon(IReadOnlyDictionary<string, string> environment, params string[] arguments)
    {
        // systemd names the process that it started, which tells a service from a program that a service starts.
        var program = Path.Combine(AppContext.BaseDirectory, "imagegc");
        var start = new ProcessStartInfo("/bin/sh", ["-c", "export SYSTEMD_EXEC_PID=$$; exec \"$0\" \"$@\"", program, .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
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

    public async Task<int> EndAsync()
    {
        await _process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return _process.ExitCode;
    }

    /// <summary>As systemd stops it.</summary>
    public void Terminate() => Assert.Equal(0, Kill(_process.Id, 15));

    /// <summary>kill -9</summary>
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
