using ImageGc.Faults.Tests.Workload;
using ImageGc.Sqlite;

namespace ImageGc.Faults.Tests;

public sealed class PowerCutTests
{
    [Fact]
    public void Full_durability_keeps_every_acknowledged_change()
    {
        using var scene = new Scene();
        scene.Run(Workloads.Mixed(rounds: 6, batch: 120));

        var verdict = scene.CutPower("power cuts, full durability", imagesPerPoint: 20);

        Assert.True(verdict.NothingLost, verdict.Explain());
    }

    [Fact]
    public void Normal_durability_keeps_a_prefix_of_the_changes()
    {
        using var scene = new Scene(Durability.Normal);
        scene.Run(Workloads.Mixed(rounds: 6, batch: 120));

        var verdict = scene.CutPower("power cuts, normal durability", imagesPerPoint: 20);

        Assert.True(verdict.Broken == 0, verdict.Explain());
        Assert.NotEqual(0, verdict.Behind);
    }
}
