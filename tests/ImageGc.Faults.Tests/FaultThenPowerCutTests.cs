using ImageGc.Faults.Tests.PowerCut;
using ImageGc.Faults.Tests.Vfs;
using ImageGc.Faults.Tests.Workload;
using ImageGc.Sqlite;

namespace ImageGc.Faults.Tests;

/// <summary>A medium that reports an error shortly before its power fails. Both often have the same cause.</summary>
public sealed class FaultThenPowerCutTests
{
    private const int CallsAfterTheFault = 2;

    /// <summary>A normal run fails every fourth call. Each further round begins with another call.</summary>
    private const int Stride = 4;

    [Fact]
    public void An_IO_error_before_a_power_cut_loses_no_acknowledged_change()
    {
        var judge = Scene.NewJudge();
        var sum = new Verdict(0, 0, 0, 0, 0, []);
        var (faults, rounds, failAt) = (0, 0, 1);
        while (rounds < Effort.Times(1))
        {
            using var scene = new Scene();
            scene.Vfs.Faults = new FaultPlan(FaultKind.IoError, failAt, persistent: false);
            var from = RunUntilHit(scene);
            if (scene.Vfs.Faults.Hit is null)
            {
                failAt = 1 + (++rounds % Stride);
                continue;
            }

            failAt += Stride;

            var cuts = new PowerCuts(scene.Recording, imagesPerPoint: 4, from: from, seed: ++faults);
            sum += judge.Of(cuts.All(), scene.History);
        }

        Figures.Add("power cuts after a fault", $"{faults} faults, {sum}");
        Assert.True(sum.NothingLost, sum.Explain());
    }

    /// <summary>Runs until shortly after the fault, and returns the point at which the failing call began.</summary>
    private static int RunUntilHit(Scene scene)
    {
        using var session = new Session(scene.Options, new SteppingTime(), scene.Recording);
        var (from, after) = (0, 0);
        foreach (var operation in Workloads.Mixed(rounds: 1, batch: 60))
        {
            if (scene.Vfs.Faults.Hit is null)
                from = scene.Recording.Happenings.Count;
            else if (after++ == CallsAfterTheFault)
                break;
            scene.History.MakeAll([operation with { Do = session => DoOrRepeat(operation, session) }], session,
                scene.Recording);
        }

        return from;
    }

    /// <summary>A call that failed may have changed the database. It is safe to repeat.</summary>
    private static string DoOrRepeat(Operation operation, Session session)
    {
        try
        {
            return operation.Do(session);
        }
        catch (ImageUseStoreException)
        {
            return operation.Do(session);
        }
    }
}
