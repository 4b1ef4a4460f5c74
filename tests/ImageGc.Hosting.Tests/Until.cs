using System.Diagnostics;
using System.Runtime.CompilerServices;
using ImageGc.Sqlite.Tests;

namespace ImageGc.Hosting.Tests;

/// <summary>
/// Waits for other threads and for processes. A wait that takes too long fails, and its message names what did not
/// happen.
/// </summary>
internal static class Until
{
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan LongestProcess = TimeSpan.FromMinutes(2);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>Waits until a condition holds.</summary>
    /// <param name="condition">Is checked again and again.</param>
    /// <param name="expected">The condition in words; its source text by default.</param>
    public static async Task UntilAsync(
        Func<bool> condition, [CallerArgumentExpression(nameof(condition))] string expected = "")
    {
        var waited = Stopwatch.StartNew();
        while (!condition())
        {
            if (waited.Elapsed > Longest)
                Assert.Fail(Late(expected));
            await Task.Delay(10, Cancel);
        }
    }

    /// <summary>Waits until a condition holds, and moves the clock of the test on before each check.</summary>
    public static Task UntilAsync(
        Func<bool> condition, SteppingTime time, TimeSpan step,
        [CallerArgumentExpression(nameof(condition))] string expected = "") =>
        UntilAsync(
            () =>
            {
                time.Pass(step);
                return condition();
            },
            expected);

    /// <summary>Waits for a task to end.</summary>
    public static async Task EndAsync(Task task, [CallerArgumentExpression(nameof(task))] string expected = "")
    {
        if (await Task.WhenAny(task, Task.Delay(Longest, Cancel)) != task)
        {
            Cancel.ThrowIfCancellationRequested();
            Assert.Fail(Late(expected));
        }

        await task;
    }

    /// <summary>Waits for the result of a task.</summary>
    public static async Task<T> ResultAsync<T>(
        Task<T> task, [CallerArgumentExpression(nameof(task))] string expected = "")
    {
        await EndAsync(task, expected);
        return await task;
    }

    /// <summary>
    /// Waits for a task that itself waits for the clock of the test: moves the clock whenever so many timers wait.
    /// </summary>
    public static async Task EndAsync(
        Task task, SteppingTime time, TimeSpan step, int timers = 1,
        [CallerArgumentExpression(nameof(task))] string expected = "")
    {
        while (!task.IsCompleted)
        {
            await EndAsync(Task.WhenAny(task, time.WaitForTimersAsync(timers)), expected);
            if (!task.IsCompleted)
                time.Pass(step);
        }

        await task;
    }

    /// <summary>Waits for a process to exit, and kills it if it does not.</summary>
    /// <param name="process">The process.</param>
    /// <param name="output">What it has written so far, for the message.</param>
    public static async Task ExitAsync(Process process, Func<string>? output = null)
    {
        using var late = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        late.CancelAfter(LongestProcess);
        try
        {
            await process.WaitForExitAsync(late.Token);
        }
        catch (OperationCanceledException) when (!Cancel.IsCancellationRequested)
        {
            process.Kill(entireProcessTree: true);
            var command = string.Join(' ', process.StartInfo.ArgumentList.Prepend(process.StartInfo.FileName));
            Assert.Fail($"'{command}' did not exit within {LongestProcess.TotalMinutes:0} minutes. {output?.Invoke()}");
        }
    }

    private static string Late(string expected) => $"This did not happen within {Longest.TotalSeconds:0} seconds: "
        + string.Join(' ', expected.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
}
