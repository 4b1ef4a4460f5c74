using System.Diagnostics;

namespace ImageGc.Hosting.Tests;

/// <summary>Waits for what other threads do.</summary>
internal static class Until
{
    public static async Task UntilAsync(Func<bool> condition)
    {
        var waited = Stopwatch.StartNew();
        while (!condition())
        {
            Assert.True(waited.Elapsed < TimeSpan.FromSeconds(30), "It did not come true within 30 seconds.");
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }
    }
}
