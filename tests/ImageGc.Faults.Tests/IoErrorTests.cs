using System.Collections.Concurrent;
using ImageGc.Faults.Tests.Vfs;
using ImageGc.Faults.Tests.Workload;

namespace ImageGc.Faults.Tests;

/// <summary>Fails each call to the file system in turn, until a workload runs without reaching the fault.</summary>
public sealed class IoErrorTests
{
    [Theory]
    [InlineData(nameof(FaultKind.IoError), false)]
    [InlineData(nameof(FaultKind.IoError), true)]
    [InlineData(nameof(FaultKind.DiskFull), false)]
    [InlineData(nameof(FaultKind.DiskFull), true)]
    public void After_a_fault_the_same_store_recovers_and_loses_no_acknowledged_change(string kindName, bool persistent)
    {
        var kind = Enum.Parse<FaultKind>(kindName);
        var runs = new ConcurrentBag<FaultyRun.Outcome>();
        var findings = new ConcurrentBag<string>();
        Parallel.For(1, int.MaxValue, (n, loop) =>
        {
            try
            {
                var outcome = FaultyRun.Of(new FaultPlan(kind, n, persistent));
                if (outcome.Hit is null)
                    loop.Break();
                else
                    runs.Add(outcome);
            }
            catch (Exception exception)
            {
                findings.Add($"fault {n}: {exception}");
                if (findings.Count > 20 && !loop.LowestBreakIteration.HasValue)
                    loop.Stop();
            }
        });

        Figures.Add($"{kind}, {(persistent ? "persistent" : "once")}", Summary(runs));
        Assert.True(findings.IsEmpty, string.Join('\n', findings.Order()));
        Assert.NotEmpty(runs);
    }

    private static string Summary(ConcurrentBag<FaultyRun.Outcome> runs)
    {
        var calls = runs.GroupBy(run => run.Hit).OrderBy(group => group.Key.ToString())
            .Select(group => $"{group.Key} {group.Count()}");
        return $"{runs.Count} faults tried ({string.Join(", ", calls)}): {runs.Sum(run => run.Failures)} calls failed, "
            + $"{runs.Count(run => run.Failures == 0)} faults were masked";
    }
}
