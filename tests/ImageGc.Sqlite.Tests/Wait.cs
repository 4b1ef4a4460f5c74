using System.Diagnostics;

namespace ImageGc.Sqlite.Tests;

/// <summary>
/// Waits for other threads and processes. A wait that takes too long fails and says what it waited for.
/// </summary>
internal static class Wait
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    public static void Until(Func<bool> condition, string what) =>
        Assert.True(SpinWait.SpinUntil(condition, Limit), Message(what));

    public static void For(Thread thread, string what) => Assert.True(thread.Join(Limit), Message(what));

    public static void For(ManualResetEventSlim signal, string what) => Assert.True(signal.Wait(Limit), Message(what));

    public static void ForExit(Process process, string what) => Assert.True(process.WaitForExit(Limit), Message(what));

    /// <summary>For tests and constructors that are synchronous.</summary>
    public static T For<T>(Task<T> task, string what)
    {
        Assert.True(Task.WaitAny([task], Limit) == 0, Message(what));
        return task.GetAwaiter().GetResult();
    }

    public static async Task ForAsync(Task task, string what)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        Assert.True(await Task.WhenAny(task, Task.Delay(Limit, stop.Token)) == task, Message(what));
        await stop.CancelAsync();
        await task;
    }

    /// <summary>Starts a call on its own thread, and returns when the kernel has put that thread to sleep.</summary>
    public static Task StartUntilAsleep(Action call, string what)
    {
        string? thread = null;
        var task = Task.Factory.StartNew(
            () =>
            {
                Volatile.Write(ref thread, new FileInfo("/proc/thread-self").LinkTarget);
                call();
            },
            CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        Until(() => task.IsCompleted || (Volatile.Read(ref thread) is { } started && IsAsleep(started)), what);
        Assert.False(task.IsCompleted, $"It ended without waiting: {what}.");
        return task;
    }

    private static bool IsAsleep(string thread)
    {
        try
        {
            return File.ReadAllText($"/proc/{thread}/stat").Contains(") S ", StringComparison.Ordinal);
        }
        catch (IOException)
        {
            return false; // The thread has ended.
        }
    }

    private static string Message(string what) => $"Waited for {Limit.TotalSeconds:0} seconds in vain until {what}.";
}
