using System.ComponentModel;
using System.Diagnostics;
using ImageGc.Cli.Execution;

namespace ImageGc.Cli.Pruning;

/// <summary>
/// Runs a command to its end. Its output goes to standard error, because standard output is for results.
/// </summary>
internal sealed class CommandRunner(TextWriter error)
{
    private const int TailLength = 500;

    /// <summary>A background process that the command started may keep its output open for ever.</summary>
    private static readonly TimeSpan OutputAfterExit = TimeSpan.FromSeconds(2);

    private string _tail = "";

    /// <exception cref="CommandFailedException">It did not exit with 0.</exception>
    public async Task RunAsync(IReadOnlyList<string> words)
    {
        using var process = Start(words);
        process.StandardInput.Close(); // A command that asks a question must not wait for an answer.
        var copied = Task.WhenAll(
            CopyAsync(process.StandardOutput, static _ => { }),
            CopyAsync(process.StandardError, text => _tail = TailOf(_tail + text)));
        await process.WaitForExitAsync().ConfigureAwait(false);
        await Task.WhenAny(copied, Task.Delay(OutputAfterExit)).ConfigureAwait(false);
        if (process.ExitCode != 0)
            throw new CommandFailedException($"'{words[0]}' exited with {process.ExitCode}{LastErrorLine()}");
    }

    private static Process Start(IReadOnlyList<string> words)
    {
        try
        {
            return Process.Start(new ProcessStartInfo(words[0], words.Skip(1))
            {
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            })!;
        }
        catch (Win32Exception exception)
        {
            throw new CommandFailedException($"'{words[0]}' could not be started: {exception.Message}");
        }
    }

    private async Task CopyAsync(StreamReader from, Action<string> keep)
    {
        var buffer = new char[4096];
        while (await from.ReadAsync(buffer).ConfigureAwait(false) is > 0 and var count)
        {
            var text = new string(buffer, 0, count);
            error.Write(text);
            keep(text);
        }
    }

    private static string TailOf(string text) => text.Length > TailLength ? text[^TailLength..] : text;

    private string LastErrorLine()
    {
        // Control characters of the program must not reach the terminal as part of a message.
        const StringSplitOptions Clean = StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries;
        return _tail.Split(['\n', '\r'], Clean) is [.., var last]
            ? $": {string.Concat(last.Where(character => !char.IsControl(character)))}"
            : ".";
    }
}
